"""Puts tasks for spooler from any Python program: docs/python.md, "From a web process".

    import spooler_client

    client = spooler_client.Client("/var/spool/site")
    name = client.put("send_mail", {"to": "ann@example.org"}, at=timedelta(minutes=5))
    client.wait(name)
"""

from __future__ import annotations

import os as _os
import time
from typing import NamedTuple

from _spooler import configured as _configured
from _spooler import new_task as _new_task
from _spooler.in_thread import in_thread as _in_thread
from _spooler.put_errors import PutManyError, Refused, SpoolError, Unreachable
from _spooler.spool_directory import SpoolDirectory as _SpoolDirectory
from _spooler.task_status import Status, status as _status

__all__ = [
    "Client",
    "PutManyError",
    "Refused",
    "SpoolError",
    "Status",
    "Task",
    "Unreachable",
    "aput",
    "aput_many",
    "astatus",
    "await_task",
    "chain",
    "configure",
    "put",
    "put_many",
    "status",
    "wait",
]

# Seconds between two checks of a task that is waited for.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25


class Task(NamedTuple):
    """One of many for `put_many`. See Client.put."""

    function: str
    vars: dict = {}
    at: object = None
    priority: object = None
    body: bytes = b""
    id: object = None
    unique: object = None
    unique_until: object = None
    unique_mode: object = None
    after: object = None


def configure(spool=None, **settings) -> None:
    """Where `.spool(...)`, `uwsgi.spool`, `put` and its like put tasks from now on.

    `spool` is a directory, `host:port`, `tls://host:port`, or the path or @name of a unix socket;
    without it the environment says which (SPOOLER_SPOOL, UWSGI_SPOOLER). For a directory: `sync=False`
    returns before a task is on the disk. For a server: `secret` or `secret_file` signs tasks; `ca`,
    `cert` and `key` are files for TLS; `timeout` is in seconds. Call it once, before threads start.
    """
    _configured.configure(spool, **settings)


class Client:
    """Puts tasks to one place; its arguments are those of `configure`.

    Threads, greenlets and forked processes may share a client. Each method of a put has a twin with
    an `a` in front for asyncio, which runs in a thread of the loop's executor.
    """

    def __init__(self, spool=None, **settings) -> None:
        self._given = (spool, settings)
        self._opened = None if spool is None and not settings else self._open()

    def _open(self):
        spool, settings = self._given
        return _configured.open_target(spool, **settings)

    @property
    def _target(self):
        return self._opened or _configured.current()

    def __repr__(self) -> str:
        return "Client(%r)" % (self._target,)

    def close(self) -> None:
        """Hangs up at a server. The client can be used again."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_raised) -> None:
        self.close()

    def put(
        self,
        function,
        vars=None,
        *,
        at=None,
        priority=None,
        body=b"",
        id=None,
        unique=None,
        unique_until=None,
        unique_mode=None,
        after=None,
    ) -> str:
        """Puts a task: `function` is its ud_spool_func, `vars` are str, bytes, or what JSON can say.

        `at` is a datetime, a timedelta from now, or seconds since the epoch. Returns the task's name
        in a directory, its id at a server; a task with the same `id` is accepted by a server once.

        While a task with the same key (`unique`) of the function waits, or with unique_until="done" also
        while it runs, the name of that one is returned; unique_mode="replace" puts this one in its place.
        `after` has the name of a task of the same spool, or names: it starts when these are done, and is
        given up when one of them is. Raises Refused and Unreachable.
        """
        wishes = _wishes(unique, unique_until, unique_mode, after)
        task = _new_task.from_values(function, {**(vars or {}), **wishes}, at, priority, body)
        return self._target.put(task, _id_bytes(id))

    def put_many(self, tasks) -> list:
        """Puts Tasks, or pairs of a function and its vars; returns their names or ids, in order.

        To a server all go over one connection, without waiting for answers in between; in a directory
        one sync is for up to a thousand. Raises PutManyError when a server did not take all of them.
        """
        given = [_task(each) for each in tasks]
        made = [_encoded(each) for each in given]
        results = self._target.put_many(made, [_id_bytes(each.id) for each in given])
        if any(isinstance(each, Exception) for each in results):
            raise PutManyError(results)
        return results

    def chain(self, *tasks) -> list:
        """Puts Tasks, or pairs, that run one after the other: each starts when the one before it is done,
        and is given up when that is. Returns their names, in order. With an `id` for each, a server takes
        the same chain once, however often it is put. Raises what `put` raises: of a task that no spool
        takes, or when the server does not say names, before any is put; else those before it are put."""
        given = [_task(each) for each in tasks]
        if len({_encoded(each).spooler for each in given}) > 1:
            raise Refused("the tasks of a chain go into one spool")
        ids = [_id_bytes(each.id) for each in given]
        target = self._target
        names: list = []
        # In this order: one whose predecessor is not there yet would start.
        for task, task_id in zip(given, ids):
            before = [task.after] if isinstance(task.after, (str, bytes)) else task.after or []
            after = [*before, *names[-1:]]
            names.append(target.put_named(_encoded(task._replace(after=after or None)), task_id))
        return names

    def status(self, name) -> Status:
        """What became of a task of a directory: its `state` is ready, deferred, running, failed or gone."""
        target = self._target
        if not isinstance(target, _SpoolDirectory):
            raise SpoolError("only a spool directory says what became of a task, not %r" % target)
        return _status(target.path, name)

    def wait(self, name, timeout=None) -> Status:
        """Waits until a task is done or failed. Raises TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            found = self.status(name)
            if found.is_over:
                return found._replace(state="done") if found.state == "gone" else found
            left = _LONGEST_PAUSE if until is None else until - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s is %s after %s s" % (found.name, found.state, timeout))
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def aput(self, function, vars=None, **more) -> str:
        return await _in_thread(self.put, function, vars, **more)

    async def aput_many(self, tasks) -> list:
        return await _in_thread(self.put_many, tasks)

    async def astatus(self, name) -> Status:
        return await _in_thread(self.status, name)

    async def await_task(self, name, timeout=None) -> Status:
        return await _in_thread(self.wait, name, timeout)


def _task(given) -> Task:
    return given if isinstance(given, Task) else Task(*given)


def _encoded(task: Task):
    wishes = _wishes(task.unique, task.unique_until, task.unique_mode, task.after)
    return _new_task.from_values(task.function, {**task.vars, **wishes}, task.at, task.priority, task.body)


def _wishes(unique, until, mode, after) -> dict:
    """The keys of a task that say them."""
    if unique is None and (until is not None or mode is not None):
        raise TypeError("unique_until and unique_mode need unique")
    if after is not None:
        given = [after] if isinstance(after, (str, bytes)) else after
        after = " ".join(_os.fsdecode(each).rpartition("/")[2] for each in given)
    wishes = {"spooler_after": after, "spooler_unique": unique, "spooler_unique_until": until, "spooler_unique_mode": mode}
    return {
        key: value if isinstance(value, (str, bytes)) else str(value)
        for key, value in wishes.items()
        if value is not None
    }


def _id_bytes(task_id):
    if task_id is None:
        return None
    found = task_id if isinstance(task_id, bytes) else str(task_id).encode("ascii", "replace")
    if not 0 < len(found) <= 128 or not all(0x21 <= byte <= 0x7E for byte in found):
        raise Refused("an id has 1 to 128 printable characters: %r" % (task_id,))
    return found


_default = Client()
put = _default.put
put_many = _default.put_many
chain = _default.chain
status = _default.status
wait = _default.wait
aput = _default.aput
aput_many = _default.aput_many
astatus = _default.astatus
await_task = _default.await_task
