"""The uwsgi packet: modifier1, a u16 LE size, modifier2, then names and values, each with a u16 LE
length. A task file is such a packet with modifier1 17, and its body behind it."""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import struct

MODIFIER_SPOOL = 17
HEADER_SIZE = 4
LARGEST = 0xFFFF
_pack_length = struct.Struct("<H").pack
_pack_header = struct.Struct("<BHB").pack


def encode(items, modifier1: int = MODIFIER_SPOOL, modifier2: int = 0) -> bytes:
    """A packet of pairs of bytes. Raises ValueError when they do not fit."""
    parts = [b""]
    for key, value in items:
        if not key:
            raise ValueError("a key is empty")
        try:
            parts += (_pack_length(len(key)), key, _pack_length(len(value)), value)
        except struct.error:
            for name, part in (("the key", key), ("the value of %r" % key, value)):
                if len(part) > LARGEST:
                    text = "%s has %d bytes, a packet holds %d"
                    raise ValueError(text % (name, len(part), LARGEST)) from None
            raise
    size = sum(map(len, parts))
    if size > LARGEST:
        raise ValueError("the vars have %d bytes, a packet holds %d" % (size, LARGEST))
    parts[0] = _pack_header(modifier1, size, modifier2)
    return b"".join(parts)


def to_bytes(value) -> bytes:
    """Text and numbers as str() writes them; bytes(5) would be five NULs. Raises TypeError."""
    if isinstance(value, str):
        # A file name that is not UTF-8 stays what it is.
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (int, float)):
        return str(value).encode()
    try:
        return bytes(memoryview(value))
    except TypeError:
        kind = type(value).__name__
        raise TypeError("a packet holds bytes, str, int, bool and float, not %s" % kind) from None


def decode(data: bytes) -> tuple[dict, int] | None:
    """The vars of a task file, and where its body starts; None when it is no whole task."""
    if len(data) < HEADER_SIZE or data[0] != MODIFIER_SPOOL:
        return None
    end = HEADER_SIZE + (data[1] | data[2] << 8)
    if len(data) < end:
        return None
    task_vars = {}
    at = HEADER_SIZE
    try:
        while at < end:
            start = at + 2
            at = start + (data[at] | data[at + 1] << 8)
            if at == start:
                return None
            key = data[start:at]
            start = at + 2
            at = start + (data[at] | data[at + 1] << 8)
            task_vars[key] = data[start:at]
    except IndexError:
        return None
    return (task_vars, end) if at == end else None
