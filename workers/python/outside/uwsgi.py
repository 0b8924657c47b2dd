"""uWSGI's module `uwsgi` for a process that is neither uWSGI nor a worker of spooler: a web process under
gunicorn, for one. `spool` puts tasks to SPOOLER_SPOOL; what needs uWSGI has no effect and is a line of
debug. docs/python.md, "From a web process"."""

import os as _os

from _spooler import absent as _absent, configured as _configured, outside as _outside
from _spooler.everywhere import *  # noqa: F403
from _spooler.put_errors import SpoolError as _SpoolError
from _spooler.spool_directory import SpoolDirectory as _SpoolDirectory
from _spooler.state import state as _state

spooler_version = "outside"
hostname = _os.uname().nodename.encode()

_outside.begin()

# These import this module.
from _spooler.messages import send_message  # noqa: E402
from _spooler.spooling import (  # noqa: E402
    set_spooler_frequency,
    spool,
    spooler_get_task,
    spooler_jobs,
    spooler_pid,
    spooler_pids,
)

send_to_spooler = spool


def __getattr__(name):
    """What depends on where tasks go, which may be configured after this module is imported."""
    if name not in ("opt", "spoolers"):
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    try:
        target = _configured.current()
    except (_SpoolError, ValueError, OSError):
        # It is said when a task is put.
        target = None
    path = _os.fsencode(target.path) if isinstance(target, _SpoolDirectory) else b""
    if name == "spoolers":
        return (path,) if path else ()
    # It is always there, for decorators and libraries that ask whether tasks can be put.
    return {"spooler": path}


# Signals and the clock: the program's workers have them.


def _ignored():
    text = "signals, timers and crons of task code are ignored here: the program's workers have them"
    _state.channel.notify("warn", message=text)


def register_signal(_signum, _target, _handler):
    _ignored()


def signal_registered(_signum):
    return None


def add_timer(_signum, _seconds):
    _ignored()


def add_rb_timer(_signum, _seconds, _iterations=0):
    _ignored()


def add_cron(_signum, _minute, _hour, _day, _month, _week):
    _ignored()
    return True


def _only_in_uwsgi(name):
    raise _absent.missing(name, "this process is no worker of uWSGI or spooler")


def signal(_signum, _node=None):
    _only_in_uwsgi("signal")


def lock(_number=0):
    _only_in_uwsgi("lock")


def unlock(_number=0):
    _only_in_uwsgi("unlock")


def is_locked(_number=0):
    _only_in_uwsgi("is_locked")


# This process


def log(message):
    """A line of the logger `spooler`."""
    if not isinstance(message, str):
        raise TypeError("log() argument 1 must be str, not %s" % type(message).__name__)
    _outside.log(message)
    return True


def masterpid():
    return _os.getppid() or 1


def worker_id():
    return 1


def i_am_the_spooler():
    return None
