"""What task code raises, as text, and where it is. Nothing in here raises: not for a `__str__` or `__repr__` that
does, for a changed sys.excepthook, or for an exception class that lies about itself."""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import os
import sys
import traceback

OWN_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LONGEST = 500

_format_exception = traceback.format_exception
_stderr_of_process = sys.stderr


def one_line(error: BaseException) -> str:
    """`Type: message`, short."""
    kind = type_name(error)
    try:
        message = _plain(str(error))
    except BaseException:
        message = "(its message cannot be had)"
    return "%s: %s" % (kind, message) if message else kind


def type_name(value: object) -> str:
    try:
        return _plain(type.__dict__["__name__"].__get__(type(value)))
    except BaseException:
        return "object"


def _plain(text: str) -> str:
    """One line of exactly the type str: a subclass may do anything in its methods."""
    return " ".join(str.__str__(text)[:LONGEST].split())


def print_exception(error: BaseException) -> None:
    """To stderr, through sys.excepthook as under uWSGI; without the frames of the worker itself."""
    try:
        _drop_own_frames(error)
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException:
        _print_plainly(error)


def _drop_own_frames(error: BaseException) -> None:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OWN_DIRECTORY):
        frames = frames.tb_next
    if frames is not None:
        error.__traceback__ = frames


def _print_plainly(error: BaseException) -> None:
    try:
        text = "".join(_format_exception(type(error), error, error.__traceback__))
    except BaseException:
        text = one_line(error) + "\n"
    try:
        stream = sys.__stderr__ or _stderr_of_process
        stream.write(text)
        stream.flush()
    except BaseException:
        # There is no stderr left to print to; the reason of the answer has the line.
        pass


def calling_line() -> tuple:
    """File and line of the task code that is calling, decorators passed over."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OWN_DIRECTORY):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
