"""Puts tasks into a spool directory, as uWSGI does, and more carefully: a task is written beside the
queue, synced, and renamed into it. docs/spool-format.md says what the names mean."""

from __future__ import annotations

import itertools
import logging
import os
import re
import time

from .disk import sync_directory, sync_files
from .new_task import NewTask
from .put_errors import Refused, Unreachable
from .unique import Claims, unique_name

PREFIX = "uwsgi_spoolfile_on_"
# A program that starts removes what has been in there for a minute: no more are under way at once.
MOST_AT_ONCE = 1000
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o750

_logger = logging.getLogger("spooler")
# For so long the owner of a spool is not asked for again.
_OWNER_KNOWN_NS = 1_000_000_000

_counter = itertools.count(1)
# What the names of a process begin with, the process, and a number that no other one is likely to have.
_start = ("", 0, 0)


def new_name(now: int) -> str:
    """As uWSGI makes them: host, process, a count, a random number, seconds and microseconds."""
    global _start
    start, process, random = _start
    if process != os.getpid():
        host = re.sub(r"[^A-Za-z0-9.-]", "_", os.uname().nodename)
        start = "%s%s_%d_" % (PREFIX, host, os.getpid())
        random = int.from_bytes(os.urandom(4), "little") >> 1
        _start = (start, os.getpid(), random)
    micros = now // 1000
    return f"{start}{next(_counter)}_{random}_{micros // 1_000_000}_{micros % 1_000_000}"


class SpoolDirectory:
    """`sync` is whether a task is on the disk when `put` returns."""

    def __init__(self, path: str, sync: bool = True) -> None:
        self.path = os.path.abspath(path)
        self._sync = sync
        self._within = self.path.rstrip("/") + "/"
        self._tmp = self._within + ".spooler/tmp/"
        self._warned = False
        # Whom what is made here is to be given to; None is nobody.
        self._owner = None
        self._owner_until = 0

    def __repr__(self) -> str:
        return self.path

    def close(self) -> None:
        """Nothing is open."""

    def put(self, task: NewTask, _id=None) -> str:
        """Returns the name of its file, or of the task that has its key. Raises Refused and Unreachable."""
        spool = self._meant(task)
        try:
            if task.unique is not None:
                return spool._put_unique(task)
            name, written = spool._write(task, spool._sync)
            try:
                target = spool._rename(task, name, written)
                if spool._sync:
                    spool._sync_or_remove([target])
            except BaseException:
                _remove(written)
                raise
            return name
        except OSError as error:
            raise spool._unreachable(error) from error

    # A directory knows all names.
    put_named = put

    def put_many(self, tasks: list, _ids=None) -> list:
        """The names, in order; one sync for up to a thousand of them. Raises Refused, and Unreachable:
        of those that one sync was for none is put then."""
        names: list = []
        for has_key, group in itertools.groupby(tasks, lambda task: task.unique is not None):
            some = list(group)
            if has_key:
                names += [self.put(task) for task in some]
                continue
            for start in range(0, len(some), MOST_AT_ONCE):
                names += self._put_some(some[start : start + MOST_AT_ONCE])
        return names

    def _put_unique(self, task: NewTask) -> str:
        """One with a key: its claim says whether it is put, or which task stands for it."""
        claims = Claims(self.path)
        found = claims.stand_in(task.unique)
        if found is not None:
            return self._name_of(found)
        tmp = os.path.join(self.path, ".spooler", "tmp")
        claims.make_directory(tmp)
        name, written = self._write(task, self._sync)
        name = unique_name(name, task.unique)
        task_id = name if task.priority is None else "%d/%s" % (task.priority, name)
        target = os.path.join(self.path, task_id)
        is_final = False
        try:
            os.rename(written, os.path.join(tmp, name))
            written = os.path.join(tmp, name)
            found, is_final = claims.take(task.unique, task_id)
            if found is not None:
                _remove(written)
                return self._name_of(found)
            claims.complete(task.unique, task_id)
            if self._sync:
                self._sync_or_remove([target])
            return name
        except BaseException:
            # The one it replaces may be gone already: who comes next gives this one its name.
            if is_final:
                raise
            _remove(written)
            _remove(target)
            claims.release(task.unique, task_id)
            raise

    def _name_of(self, task_id: str) -> str:
        """Of a task whose name is on the disk then."""
        path = os.path.join(self.path, task_id)
        if self._sync:
            sync_directory(os.path.dirname(path))
        return os.path.basename(path)

    def _put_some(self, tasks: list) -> list:
        made: list = []
        targets: list = []
        try:
            for task in tasks:
                spool = self._meant(task)
                made.append((spool, task, *spool._write(task, False)))
            if self._sync:
                sync_files([written for _, _, _, written in made])
            for spool, task, name, written in made:
                targets.append(spool._rename(task, name, written))
            if self._sync:
                self._sync_or_remove(targets)
            return [name for _, _, name, _ in made]
        except BaseException as error:
            for path in [*targets, *(written for _, _, _, written in made)]:
                _remove(path)
            if isinstance(error, OSError):
                raise self._unreachable(error) from error
            raise

    def _meant(self, task: NewTask) -> "SpoolDirectory":
        """A task may name a spool; as in uWSGI, one that is no directory here is not taken."""
        if task.spooler is None:
            return self
        path = os.fsdecode(task.spooler)
        if os.path.abspath(path) == self.path:
            return self
        if not os.path.isabs(path) or not os.path.isdir(path):
            raise Refused('spooler needs the absolute path of a spool: "%s"' % path)
        return SpoolDirectory(path, self._sync)

    def _unreachable(self, error: OSError) -> Unreachable:
        reason = error.strerror or str(error)
        if not os.path.isdir(self.path):
            reason = "there is no such directory; the program makes it when it starts"
        return Unreachable("put a task into %s: %s" % (self.path, reason))

    def _write(self, task: NewTask, sync: bool) -> tuple:
        """The name, and where its file is for now."""
        now = time.time_ns()
        name = new_name(now)
        path = self._tmp + name
        try:
            descriptor = os.open(path, _NEW, _FILE_MODE)
        except OSError:
            # There is no program yet, or this user may not write there. A name without the prefix is
            # no task.
            path = os.path.join(self.path, ".putting_" + name)
            descriptor = os.open(path, _NEW, _FILE_MODE)
        try:
            data = task.head + task.body if task.body else task.head
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, memoryview(data)[written:])
            # What it takes for a clock that is set back is asked for as well.
            if not self._owner_until - _OWNER_KNOWN_NS <= now < self._owner_until:
                self._find_owner(now)
            if self._owner is not None:
                os.chown(descriptor, *self._owner)
            if task.at is not None:
                os.utime(descriptor, (task.at, task.at))
            if sync:
                os.fsync(descriptor)
        except BaseException:
            _remove(path)
            raise
        finally:
            os.close(descriptor)
        return name, path

    def _rename(self, task: NewTask, name: str, written: str) -> str:
        if task.priority is None:
            target = self._within + name
            os.rename(written, target)
            return target
        directory = self._within + str(task.priority)
        target = os.path.join(directory, name)
        for _ in range(100):
            try:
                os.rename(written, target)
                return target
            except FileNotFoundError:
                # It is the first of its priority, or the program has just removed the empty directory.
                self._make_directory(directory)
        os.rename(written, target)
        return target

    def _make_directory(self, path: str) -> None:
        try:
            os.mkdir(path, _DIRECTORY_MODE)
        except FileExistsError:
            return
        self._find_owner(time.time_ns())
        if self._owner is not None:
            os.chown(path, *self._owner)

    def _find_owner(self, now: int) -> None:
        """What root makes in the spool of another user belongs to that user."""
        user = os.geteuid()
        owner = os.stat(self.path)
        is_other = owner.st_uid != user
        self._owner = (owner.st_uid, owner.st_gid) if is_other and user == 0 else None
        self._owner_until = now + _OWNER_KNOWN_NS
        if is_other and user != 0 and not self._warned:
            self._warned = True
            text = "%s belongs to user %d: a program of that user cannot read what user %d puts there"
            _logger.warning(text, self.path, owner.st_uid, user)

    def _sync_or_remove(self, targets: list) -> None:
        directories = {os.path.dirname(target) for target in targets}
        if directories - {self.path}:
            # The directory of a priority may be new: its name is to be durable as well.
            directories |= {os.path.dirname(each) for each in directories - {self.path}}
        try:
            for directory in directories:
                sync_directory(directory)
        except BaseException:
            for target in targets:
                _remove(target)
            raise


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        # It has its name already, or a program will sweep it.
        pass
