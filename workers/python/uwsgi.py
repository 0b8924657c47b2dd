"""uWSGI's module `uwsgi`, as spooler provides it: what spooler functions use works as under the
Python 3 plugin of uWSGI 2.0, bytes and str included. docs/python-modules.md lists every name."""

import operator as _operator
import os as _os

from _spooler.everywhere import *  # noqa: F403
from _spooler.state import state as _state

spooler_version = ""
opt: dict = {}
spoolers: tuple = ()
hostname = b""

# These import this module, for its settings.
from _spooler.messages import send_message  # noqa: E402
from _spooler.signals import (  # noqa: E402
    add_cron,
    add_rb_timer,
    add_timer,
    register_signal,
    signal,
    signal_registered,
)
from _spooler.spooling import (  # noqa: E402
    ask as _ask,
    set_spooler_frequency,
    spool,
    spooler_get_task,
    spooler_jobs,
    spooler_pid,
    spooler_pids,
)

send_to_spooler = spool


def _begin(setup: dict) -> None:
    """The worker calls this before it loads task code, with what the program says about the site."""
    module = globals()
    module["opt"] = _options(setup["options"])
    module["spoolers"] = tuple(_os.fsencode(each) for each in setup["spools"])
    module["hostname"] = setup["hostname"].encode()
    module["numproc"] = setup["processes"]
    module["spooler_version"] = setup["version"]


# Libraries choose mules when the options name some, and here there are none.
_LEFT_OUT = ("mule", "mules", "farm")


def _options(pairs: list) -> dict:
    # uWSGI 2.0.21 keeps the last of repeated options only; the list is what it promises and later has.
    options: dict = {}
    for name, text in pairs:
        if name in _LEFT_OUT:
            continue
        value = True if text is True else text.encode("utf-8", "surrogateescape")
        if name not in options:
            options[name] = value
        elif isinstance(options[name], list):
            options[name].append(value)
        else:
            options[name] = [options[name], value]
    return options


# Locks


def lock(number=0):
    """Waits until no other worker of the program has the lock."""
    _ask("lock", lock=_lock_number(number))


def unlock(number=0):
    _ask("unlock", lock=_lock_number(number))


def is_locked(number=0):
    return _ask("locked", lock=_lock_number(number))


def _lock_number(number) -> int:
    """`locks = N` of the ini makes N more than the one there always is."""
    value = _operator.index(number)
    try:
        more = int(opt.get("locks", 0))
    except (TypeError, ValueError):
        more = 0
    if not 0 <= value <= more:
        raise ValueError("Invalid lock number")
    return value


# This process


def log(message):
    """A line in the log."""
    if not isinstance(message, str):
        raise TypeError("log() argument 1 must be str, not %s" % type(message).__name__)
    _state.channel.notify("log", message=message)
    return True


def masterpid():
    return _state.setup["master"]


def worker_id():
    """0, as in uWSGI's spooler. In the handler of a signal: which worker of its spool this is."""
    return _state.setup["worker"] if _state.as_web_worker else 0


def i_am_the_spooler():
    """True, or None as under uWSGI in the handler of a signal that is not for the spooler."""
    return None if _state.as_web_worker else True
