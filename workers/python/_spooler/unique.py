"""Tasks of which one with a key is to wait: claims in the spool directory, without a lock, by the rules of
src/task/unique_claims.ts, where they are explained."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from .put_errors import Refused

KEY, UNTIL, MODE = b"spooler_unique", b"spooler_unique_until", b"spooler_unique_mode"
_UNTILS = (b"start", b"done")
_MODES = (b"keep", b"replace")
_HASH_LENGTH = 24
_PREFIX = "uwsgi_spoolfile_on_"
_MOST_TRIES = 10_000


class Wish(NamedTuple):
    # Of function and key.
    hash: str
    until: bytes
    mode: bytes


class _Holder(NamedTuple):
    # Its name in the directory of the key.
    entry: str
    task: str
    replaces: str
    place: str
    running: bool = False


def read_wish(wanted: dict):
    """None for a task without a key. Raises Refused."""
    key = wanted.get(KEY)
    if key is None:
        return None
    if not key:
        raise Refused("spooler_unique needs a key")
    function = wanted.get(b"ud_spool_func", b"")
    # Few processes need it.
    import hashlib

    digest = hashlib.sha256(b"%d:" % len(function) + function + key).hexdigest()
    return Wish(digest[:_HASH_LENGTH], _word(wanted, UNTIL, _UNTILS), _word(wanted, MODE, _MODES))


def _word(wanted: dict, name: bytes, words: tuple) -> bytes:
    found = wanted.get(name, words[0])
    if found in words:
        return found
    given = found.decode("utf-8", "replace")
    choice = b" or ".join(words).decode()
    raise Refused('%s needs %s: "%s"' % (name.decode(), choice, given))


def unique_name(name: str, wish: Wish) -> str:
    return "%sunique-%s.%s" % (_PREFIX, wish.hash, name[len(_PREFIX) :])


class Claims:
    """Of a spool directory. A task is named NAME, or PRIORITY/NAME."""

    def __init__(self, path: str) -> None:
        self._path = path

    def stand_in(self, wish: Wish):
        """The task that stands for one with this wish, which then need not be written; or None."""
        holder = self._settled(wish.hash)
        return holder.task if holder is not None and _stays(holder, wish) else None

    def take(self, wish: Wish, task: str):
        """Takes the claim for a task whose file is whole in tmp: then it is to be completed, and not to be
        taken back where it replaces another. Returns the task that stands for it, or None, and whether
        it replaces another."""
        directory = self._directory(wish.hash)
        for _ in range(_MOST_TRIES):
            holder = self._settled(wish.hash, task)
            if holder is None:
                if self._found(wish.hash, task):
                    return None, False
                continue
            if holder.task == task:
                return None, bool(holder.replaces)
            if _stays(holder, wish):
                return holder.task, False
            replaces = holder.task if holder.place == "queue" and not holder.running else ""
            own = os.path.join(directory, _entry_name(task, replaces))
            if _rename(os.path.join(directory, holder.entry), own):
                return None, bool(replaces)
        raise OSError(0, "the claim of %s is contested" % task)

    def complete(self, wish: Wish, task: str) -> None:
        """Gives a task that has its claim its name, when what it replaces is gone."""
        holder = self._holder(wish.hash)
        if holder is not None and holder.task == task:
            self._complete(wish.hash, holder)

    def release(self, wish: Wish, task: str) -> None:
        """The task will not come."""
        directory = self._directory(wish.hash)
        _remove(os.path.join(directory, _entry_name(task, "")))
        _remove_directory(directory)

    def make_directory(self, path: str) -> None:
        if os.path.isdir(path):
            return
        self.make_directory(os.path.dirname(path))
        try:
            os.mkdir(path, 0o750)
        except FileExistsError:
            return
        self._give(path)

    def _give(self, path: str) -> None:
        """What root makes in the spool of another user belongs to that user."""
        if os.geteuid() == 0:
            owner = os.stat(self._path)
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def _directory(self, key_hash: str) -> str:
        return os.path.join(self._path, ".spooler", "unique", key_hash)

    def _file(self, task: str) -> str:
        return os.path.join(self._path, task)

    def _tmp(self, task: str) -> str:
        return os.path.join(self._path, ".spooler", "tmp", task.rpartition("/")[2])

    def _settled(self, key_hash: str, own: str = ""):
        for _ in range(_MOST_TRIES):
            holder = self._holder(key_hash)
            if holder is None or holder.task == own:
                return holder
            if holder.place == "tmp" or (holder.place == "queue" and holder.replaces):
                self._complete(key_hash, holder)
            elif holder.replaces:
                # What was to take the place of another is gone without that.
                directory = self._directory(key_hash)
                old = os.path.join(directory, _entry_name(holder.replaces, ""))
                _rename(os.path.join(directory, holder.entry), old)
            else:
                is_there = holder.place == "queue"
                return holder._replace(running=is_there and _is_locked(self._file(holder.task)))
        raise OSError(0, "the claim of %s is contested" % key_hash)

    def _holder(self, key_hash: str):
        stale = None
        for entry in _names(self._directory(key_hash)):
            own, _, old = entry.partition("+")
            task, replaces = _task_of(own, key_hash), _task_of(old, key_hash)
            if not task or (old and not replaces):
                continue
            holder = _Holder(entry, task, replaces, self._place(task))
            if holder.place != "gone":
                return holder
            stale = holder
        return stale

    def _place(self, task: str) -> str:
        # In the order in which a file moves, so that it is not missed.
        if os.path.lexists(self._tmp(task)):
            return "tmp"
        return "queue" if os.path.lexists(self._file(task)) else "gone"

    def _found(self, key_hash: str, task: str) -> bool:
        directory = self._directory(key_hash)
        own = _entry_name(task, "")
        made = "%s.%s" % (directory, own[:199])
        self.make_directory(made)
        file = os.path.join(made, own)
        with open(file, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)):
            pass
        self._give(file)
        if _rename(made, directory):
            return True
        _remove(file)
        _remove_directory(made)
        return False

    def _complete(self, key_hash: str, holder: _Holder) -> None:
        if holder.replaces and not _is_locked(self._file(holder.replaces)):
            _remove(self._file(holder.replaces))
        tmp = self._tmp(holder.task)
        for _ in range(_MOST_TRIES):
            if not os.path.lexists(tmp):
                break
            self.make_directory(os.path.dirname(self._file(holder.task)))
            _rename(tmp, self._file(holder.task))
        if holder.replaces:
            directory = self._directory(key_hash)
            own = os.path.join(directory, _entry_name(holder.task, ""))
            _rename(os.path.join(directory, holder.entry), own)


def _stays(holder: _Holder, wish: Wish) -> bool:
    if holder.place == "gone":
        return False
    return wish.until == b"done" if holder.running else wish.mode == b"keep"


_ENTRY = re.compile(r"(?:([0-9]+),)?([^,/]+)\Z")


def _entry_name(task: str, replaces: str) -> str:
    return "%s+%s" % (_short(task), _short(replaces)) if replaces else _short(task)


def _short(task: str) -> str:
    priority, slash, name = task.rpartition("/")
    rest = name[len(_PREFIX) + len("unique-.") + _HASH_LENGTH :]
    return "%s,%s" % (priority, rest) if slash else rest


def _task_of(short: str, key_hash: str) -> str:
    found = _ENTRY.match(short)
    if not found:
        return ""
    priority = found.group(1) + "/" if found.group(1) else ""
    return "%s%sunique-%s.%s" % (priority, _PREFIX, key_hash, found.group(2))


def _is_locked(path: str) -> bool:
    """By the list of the kernel: to open and close the file would drop a lock of this process."""
    try:
        end = ":%d " % os.stat(path).st_ino
        with open("/proc/locks", encoding="ascii") as locks:
            return any(end in line and "POSIX" in line and "WRITE" in line for line in locks)
    except OSError:
        return False


def _names(directory: str) -> list:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _rename(old: str, new: str) -> bool:
    """False when there is nothing of that name, or the new one is a directory that has files."""
    try:
        os.rename(old, new)
        return True
    except FileNotFoundError:
        return False
    except OSError:
        if _names(new):
            return False
        raise


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _remove_directory(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError:
        # It has files, or is gone.
        pass
