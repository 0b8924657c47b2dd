"""Where a function is written."""

from __future__ import annotations

from .own import BUILTINS as __builtins__


def code_of(function):
    """Behind decorators, methods and partials, as inspect.unwrap does, whose import takes too long."""
    try:
        for _ in range(32):
            inner = (
                getattr(function, "__wrapped__", None)
                or getattr(function, "__func__", None)
                or getattr(function, "func", None)
            )
            if inner is None:
                break
            function = inner
        code = getattr(function, "__code__", None)
        return code if hasattr(code, "co_firstlineno") else None
    except BaseException:
        return None
