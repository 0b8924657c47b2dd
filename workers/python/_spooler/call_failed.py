"""Of a call to the program, or to whatever takes tasks in its place."""

from .own import BUILTINS as __builtins__


class CallFailed(Exception):
    """What was asked could not be done; the text says why."""
