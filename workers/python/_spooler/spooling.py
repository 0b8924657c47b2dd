"""uwsgi.spool and what else asks about a spool."""

from __future__ import annotations

import operator
import os

import uwsgi

from . import packet
from .call_failed import CallFailed
from .state import state

_SHORTEST_FREQUENCY = 0.05


def spool(*args, **kwargs):
    """Puts a task into a spool: one dictionary of bytes. Returns the path of its file."""
    task = args[0] if args else kwargs
    if not isinstance(task, dict) or (not args and not kwargs):
        raise ValueError("The argument of spooler callable must be a dictionary")
    body = task.get(b"body")
    if isinstance(body, bytes):
        # As uWSGI does, for code that reads its dictionary afterwards.
        del task[b"body"]
    else:
        body = b""
    items = [(_key(key), _value(value)) for key, value in task.items()]
    try:
        head = packet.encode(items)
        name = state.channel.call("spool", head + body, bodySize=len(body))
    except (ValueError, CallFailed) as error:
        raise ValueError("unable to spool job: %s" % error) from None
    # Outside of a worker it is the whole path.
    return os.fsencode(os.path.join(state.setup.get("spool", ""), name))


_ONLY_BYTES = "spooler callable dictionary must contains only bytes"


def _key(key):
    if not isinstance(key, bytes):
        raise ValueError("%s, not the key %r" % (_ONLY_BYTES, key))
    return key


def _value(value):
    """Bytes, and what C's PyObject_Bytes makes bytes of: no text and no numbers."""
    if isinstance(value, bytes):
        return value
    try:
        return bytes(memoryview(value))
    except TypeError:
        pass
    kind = type(value)
    # bytes(n) is n NULs, for whatever can be an index.
    if hasattr(kind, "__bytes__") or not (hasattr(kind, "__index__") or kind is str):
        try:
            return bytes(value)
        except (TypeError, ValueError):
            pass
    raise ValueError("%s, not a value of type %s" % (_ONLY_BYTES, kind.__name__))


def spooler_jobs():
    """Paths of all task files that wait or run, as bytes."""
    jobs = []
    for directory in uwsgi.spoolers:
        jobs += _jobs_in(directory)
        for entry in _entries(directory):
            if entry.name.isdigit() and entry.is_dir(follow_symlinks=False):
                jobs += _jobs_in(entry.path)
    return jobs


def _jobs_in(directory: bytes) -> list:
    prefix = b"uwsgi_spoolfile_on_"
    return [entry.path for entry in _entries(directory) if entry.name.startswith(prefix)]


def _entries(directory: bytes) -> list:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def spooler_get_task(path):
    """What `uwsgi.spooler` would get for a task file, with its path as the name; or None."""
    if not isinstance(path, str):
        kind = type(path).__name__
        raise TypeError("spooler_get_task() argument 1 must be str, not %s" % kind)
    data = state.read_held(path)
    if data is None:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return None
    found = packet.decode(data)
    if found is None:
        return None
    task_vars, end = found
    task = {"spooler_task_name": os.fsencode(path)}
    task.update(task_vars)
    if len(data) > end:
        task["body"] = data[end:]
    return task


def set_spooler_frequency(seconds):
    """spooler-frequency of this spool from now on."""
    ask("frequency", seconds=max(operator.index(seconds), _SHORTEST_FREQUENCY))
    return True


def spooler_pids():
    """Process ids of the workers of this spool."""
    return ask("pids")


def spooler_pid():
    return next(iter(spooler_pids()), 0)


def ask(method: str, **args):
    """A call to the program. Raises ValueError when it refuses."""
    try:
        return state.channel.call(method, **args)
    except CallFailed as error:
        raise ValueError("uwsgi: %s: %s" % (method, error)) from None
