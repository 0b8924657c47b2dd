"""A task on its way: its packet's vars as bytes, and what the vars ask of a spool (`at`, `priority`,
`spooler`, `body`), by the rules of src/task/request.ts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from . import packet
from .put_errors import Refused

# The end of the year 9999.
LAST_SECOND = 253_402_300_799
_AT = re.compile(rb"(\d{1,18})(\.\d*)?\Z")
_PRIORITY = re.compile(rb"\d{1,9}\Z")


class NewTask:
    """`head` is the packet with its header, as it stands at the beginning of a task file."""

    __slots__ = ("head", "body", "at", "priority", "spooler")

    def __init__(self, head: bytes, body: bytes = b"", wanted=None) -> None:
        self.head = head
        self.body = body
        wanted = wanted or {}
        at = wanted.get(b"at")
        priority = wanted.get(b"priority")
        self.at = None if at is None else _read_at(at)
        self.priority = None if priority is None else _read_priority(priority)
        self.spooler = wanted.get(b"spooler")


def from_packet(data: bytes, body_size: int) -> NewTask:
    """Of a packet with its body behind it."""
    end = len(data) - body_size
    found = packet.decode(data[:end])
    if found is None:
        raise Refused("it is no packet of a task")
    return NewTask(data[:end], data[end:], found[0])


def from_values(function, task_vars, at=None, priority=None, body=b"") -> NewTask:
    """Of values as people write them. Raises TypeError, and Refused for what no spool takes."""
    given = dict(task_vars or {})
    if "body" in given:
        if body:
            raise TypeError("body is given twice")
        body = given.pop("body")
    items = {b"ud_spool_func": _to_bytes("function", function)}
    for key, value in given.items():
        items[_to_bytes("a key", key)] = _to_bytes(key, value)
    for key, value in ((b"at", at), (b"priority", priority)):
        if value is not None:
            items[key] = service_value(key, value)
    try:
        head = packet.encode(items.items())
    except ValueError as error:
        raise Refused(str(error)) from None
    return NewTask(head, _to_bytes("body", body), items)


def service_value(key: bytes, value) -> bytes:
    """A time may be a datetime, a timedelta from now or a number of seconds since the epoch."""
    if key == b"at":
        if isinstance(value, timedelta):
            value = datetime.now(timezone.utc) + value
        if isinstance(value, datetime):
            # One without a zone is local time, as for all of Python.
            value = value.timestamp()
        if isinstance(value, float):
            value = int(value)
    return _to_bytes(key.decode(), value)


def _to_bytes(key, value) -> bytes:
    if isinstance(value, str):
        # A file name that is not UTF-8 stays what it is.
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (int, float)):
        return str(value).encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    kind = type(value).__name__
    raise TypeError("%s: a task has str, bytes, int, float and bool, not %s" % (key, kind))


def _read_at(text: bytes) -> int:
    found = _AT.match(text)
    seconds = int(found.group(1)) if found else LAST_SECOND + 1
    if seconds > LAST_SECOND:
        raise Refused("at needs seconds since the epoch: %s" % _shown(text))
    return seconds


def _read_priority(text: bytes) -> int:
    if not _PRIORITY.match(text):
        raise Refused("priority needs digits only, 9 at most: %s" % _shown(text))
    return int(text)


def _shown(text: bytes) -> str:
    return '"%s"' % text[:100].decode("utf-8", "backslashreplace")
