"""What makes files and names durable."""

from __future__ import annotations

import os

# File systems on which syncfs(2) brings whole files and their names to the disk; ext4 needs its journal.
_TRUSTED = ("xfs", "btrfs", "f2fs", "bcachefs", "zfs", "overlay")
# So many files or fewer are synced one by one.
FEW = 3

_trusted: dict = {}


def sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_files(paths: list) -> None:
    """Brings the bytes of all these files to the disk, with one call where that can be relied on."""
    if len(paths) > FEW and _sync_file_system(paths[0]):
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sync_file_system(path: str) -> bool:
    """False where it cannot be relied on. Raises OSError when the disk cannot be written."""
    device = os.stat(path).st_dev
    if device not in _trusted:
        _trusted[device] = _is_trusted(device)
    if not _trusted[device]:
        return False
    try:
        import ctypes

        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            errno = ctypes.get_errno()
            raise OSError(errno, os.strerror(errno), path)
    finally:
        os.close(descriptor)
    return True


def _is_trusted(device: int) -> bool:
    number = "%d:%d" % (os.major(device), os.minor(device))
    try:
        with open("/proc/self/mountinfo") as file:
            mounts = [line.split() for line in file]
    except OSError:
        return False
    for fields in mounts:
        if fields[2] == number and "-" in fields:
            kind = fields[fields.index("-") + 1]
            return kind in _TRUSTED or (kind == "ext4" and _has_journal(number))
    return False


def _has_journal(number: str) -> bool:
    """As src/platform/file_system.ts asks: where nothing is said, it has one."""
    try:
        with open("/sys/dev/block/%s/uevent" % number) as file:
            name = dict(line.strip().partition("=")[::2] for line in file)["DEVNAME"]
        with open("/sys/fs/ext4/%s/journal_task" % name) as file:
            return file.read().strip() != "<none>"
    except (OSError, KeyError):
        return True
