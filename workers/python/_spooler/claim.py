"""A task's file: opened, locked, read and closed by the rules of src/spool/claim.ts."""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import os
from errno import EACCES, EAGAIN
from fcntl import LOCK_EX, LOCK_NB, lockf
from os import close as close_descriptor
from os import fstat, open, pread, read
from os import stat as stat_path
from stat import S_ISREG

from . import packet
from .descriptors import LOWEST, LowDescriptors
from .own import now

# The program's clock has whole milliseconds: a file of this very one is not in the future.
MILLISECOND = 0.001
# File times come from a clock that ticks more coarsely than the system's, or from a server: seconds.
CLOCK_SLACK = 1
# Not opened: symbolic links. Not waited for: pipes.
OPEN_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# What open and lockf say when another process holds the file.
BUSY = (EAGAIN, EACCES)
# A packet with its header: no more than this is read before it is known to be a task.
LARGEST_HEAD = packet.HEADER_SIZE + packet.LARGEST
# Of one task, body and all. It would be held in memory, as text a second time.
LARGEST_TASK = 1 << 30


class TooLarge(Exception):
    """The task will never fit into memory: not read."""


def claim(path: bytes, descriptors: LowDescriptors):
    """A locked descriptor and the file's size, or the kind of answer. Raises OSError."""
    at = now()
    descriptor = open(path, OPEN_FLAGS)
    claimed = False
    try:
        if descriptor < LOWEST:
            descriptor = descriptors.lift(descriptor)
        try:
            lockf(descriptor, LOCK_EX | LOCK_NB)
        except OSError as error:
            if error.errno in BUSY:
                return "busy"
            raise
        # Before the lock another consumer may have finished it, moved it or deferred it. A move changes
        # the ctime: a file that has long been as it is still has its name.
        has = fstat(descriptor)
        if has.st_nlink == 0:
            return "gone"
        if has.st_ctime > at - CLOCK_SLACK and not is_at(path, has):
            return "gone"
        if not S_ISREG(has.st_mode) or has.st_mtime - MILLISECOND > at:
            return "inspect"
        claimed = True
        return descriptor, has.st_size
    finally:
        if not claimed:
            close(descriptor)


def is_at(path: bytes, file: os.stat_result) -> bool:
    """Whether the path is a name of that file. Raises OSError."""
    there = stat_path(path, follow_symlinks=False)
    return there.st_ino == file.st_ino and there.st_dev == file.st_dev


def read_task(descriptor: int, size: int):
    """The vars of a task and its body, or None for a file that is no task.

    Raises OSError; TooLarge and MemoryError for a body that does not fit.
    """
    head = read(descriptor, size if size < LARGEST_HEAD else LARGEST_HEAD)
    if len(head) < size and len(head) < LARGEST_HEAD:
        head = read_all(descriptor, 0, min(size, LARGEST_HEAD))
    found = packet.decode(head)
    if found is None:
        return None
    task_vars, end = found
    if size <= len(head):
        return task_vars, head[end:]
    if size > LARGEST_TASK:
        text = "it has %d bytes, and task code gets %d at most"
        raise TooLarge(text % (size, LARGEST_TASK))
    return task_vars, read_all(descriptor, end, size)


def read_all(descriptor: int, start: int, end: int) -> bytes:
    """What lies between two places of a file, or up to its end. Raises OSError."""
    data = pread(descriptor, end - start, start)
    if len(data) == end - start:
        return data
    # Longer than one read can be, or it was cut meanwhile.
    parts = [data]
    at = start + len(data)
    while at < end:
        part = pread(descriptor, end - at, at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def close(descriptor: int) -> None:
    try:
        close_descriptor(descriptor)
    except OSError:
        # Task code has closed it already.
        pass
