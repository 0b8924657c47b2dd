"""uWSGI's signals, and the timers and crons that raise them."""

from __future__ import annotations

import operator

from .absent import missing
from .raised import calling_line
from .spooling import ask
from .state import Signal, state


def register_signal(signum, target, handler):
    """Which function answers a signal. Targets are uWSGI's; any worker of the spool may run it."""
    number = signal_number(signum)
    if not isinstance(target, str):
        kind = type(target).__name__
        raise TypeError("register_signal() argument 2 must be str, not %s" % kind)
    if number in state.signals:
        raise ValueError("unable to register signal: %d has a handler already" % number)
    state.signals[number] = Signal(target, handler)
    state.tell_registered()


def signal_registered(signum):
    """True, or None as under uWSGI."""
    return True if signal_number(signum) in state.signals else None


def signal(signum, node=None):
    """Raises a signal, as a timer would."""
    if node is not None:
        raise missing("signal", "to another node is not supported")
    ask("signal", signal=signal_number(signum))


def add_timer(signum, seconds):
    _add_timer(kind="timer", signal=signal_number(signum), seconds=operator.index(seconds))


def add_rb_timer(signum, seconds, iterations=0):
    _add_timer(
        kind="rbtimer",
        signal=signal_number(signum),
        seconds=operator.index(seconds),
        iterations=operator.index(iterations),
    )


def add_cron(signum, minute, hour, day, month, week):
    """-1 is every, -2 and less every second and so on, as in the ini."""
    _add_timer(
        kind="cron",
        signal=signal_number(signum),
        minute=operator.index(minute),
        hour=operator.index(hour),
        day=operator.index(day),
        month=operator.index(month),
        weekday=operator.index(week),
    )
    return True


def _add_timer(**timer):
    registered = state.signals.get(timer["signal"])
    handler = registered and registered.handler
    for key, attribute in (("name", "__name__"), ("function", "__qualname__")):
        name = getattr(handler, attribute, None)
        if isinstance(name, str):
            timer[key] = name
    timer["file"], timer["line"] = calling_line()
    state.timers.append(timer)
    state.tell_registered()


def signal_number(signum) -> int:
    # uWSGI's C function keeps the low byte.
    return operator.index(signum) & 0xFF
