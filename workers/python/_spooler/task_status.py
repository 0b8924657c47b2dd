"""What became of a task: from the spool directory alone, as the commands of the program see it."""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from .spool_directory import PREFIX
from .state import state

# What a program writes about a task is short.
_MOST_RECORD_BYTES = 1 << 20


class Status(NamedTuple):
    """`state` is ready, deferred, running, failed, or gone: done, removed, or never there. What was
    waited for is done in place of gone."""

    name: str
    state: str
    # Of a failed task, or of the last failure of one that will run again.
    reason: str = ""
    failures: int = 0
    # Of a deferred task: seconds since the epoch.
    due_at: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.state in ("gone", "done", "failed")


def status(spool: str, word) -> Status:
    """`word` is a name with or without its prefix, PRIORITY/NAME, or a path. Raises OSError."""
    priority, name = _split(word)
    # It moves to failed/, and back when an operator retries it: a second round finds one that moved
    # against the first.
    for _ in range(2):
        for place in _places(spool, priority):
            found = _status_in(spool, place, name)
            if found is not None:
                return found
        for place in _places(os.path.join(spool, "failed"), priority):
            path = os.path.join(place, name)
            if os.path.lexists(path):
                record = _record(path)
                return Status(name, "failed", str(record.get("reason", "")), _failures(record))
    return Status(name, "gone")


def _split(word) -> tuple:
    """The priority, or None, and the name."""
    parts = os.fsdecode(word).split("/")
    name = parts[-1]
    if not name or "\0" in name:
        raise ValueError("a task is NAME, PRIORITY/NAME or its path: %r" % (word,))
    priority = parts[-2] if len(parts) > 1 and parts[-2].isdigit() else None
    return priority, name if name.startswith(PREFIX) else PREFIX + name


def _places(directory: str, priority) -> list:
    """The directory itself, and those of its priorities."""
    if priority is not None:
        return [os.path.join(directory, priority)]
    places = [directory]
    try:
        with os.scandir(directory) as entries:
            places += [each.path for each in entries if each.name.isdigit()]
    except FileNotFoundError:
        pass
    return places


def _status_in(spool: str, place: str, name: str):
    path = os.path.join(place, name)
    try:
        stat = os.lstat(path)
        is_running = _is_locked(path)
    except FileNotFoundError:
        return None
    priority = os.path.relpath(place, spool)
    record = _record(os.path.join(spool, ".spooler", "attempts", priority, name))
    reason = str(record.get("reason", ""))
    failures = _failures(record)
    if is_running:
        return Status(name, "running", reason, failures)
    if stat.st_mtime > time.time() + 0.001:
        return Status(name, "deferred", reason, failures, stat.st_mtime)
    return Status(name, "ready", reason, failures)


def _is_locked(path: str) -> bool:
    # In a worker: to open and close a file drops this process's own lock of it.
    if state.read_held(path) is not None:
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        # It is another user's: nothing is known of locks.
        return False
    try:
        os.lockf(descriptor, os.F_TEST, 0)
        return False
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(descriptor)


def _record(path: str) -> dict:
    try:
        with open(path + ".json", "rb") as file:
            found = json.loads(file.read(_MOST_RECORD_BYTES))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _failures(record: dict) -> int:
    attempts = record.get("attempts")
    count = (attempts if isinstance(attempts, dict) else record).get("failures")
    return count if isinstance(count, int) else 0
