"""A task on its way: its packet's vars as bytes, and what the vars ask of a spool (`at`, `priority`,
`spooler`, `body`), by the rules of src/task/request.ts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from . import packet
from .json_values import NAMES, dump
from .put_errors import Refused
from .after import AFTER, WAITING_SECONDS, check_after
from .unique import KEY, read_wish

_TEXTS = (str, bytes, bytearray, memoryview)
_SERVICES = (b"at", b"priority")
# The end of the year 9999.
LAST_SECOND = 253_402_300_799
_AT = re.compile(rb"(\d{1,18})(\.\d*)?\Z")
_PRIORITY = re.compile(rb"\d{1,9}\Z")


class NewTask:
    """`head` is the packet with its header, as it stands at the beginning of a task file."""

    __slots__ = ("head", "body", "at", "priority", "spooler", "unique")

    def __init__(self, head: bytes, body: bytes = b"", wanted=None) -> None:
        self.head = head
        self.body = body
        self.at = self.priority = self.spooler = None
        if not wanted:
            return
        if b"at" in wanted:
            self.at = _read_at(wanted[b"at"])
        if b"priority" in wanted:
            self.priority = _read_priority(wanted[b"priority"])
        self.spooler = wanted.get(b"spooler")
        if AFTER in wanted:
            check_after(wanted[AFTER])
            self.at = WAITING_SECONDS
        self.unique = read_wish(wanted) if KEY in wanted else None


def from_packet(data: bytes, body_size: int) -> NewTask:
    """Of a packet with its body behind it."""
    end = len(data) - body_size
    found = packet.decode(data[:end])
    if found is None:
        raise Refused("it is no packet of a task")
    return NewTask(data[:end], data[end:], found[0])


def from_values(function, task_vars, at=None, priority=None, body=b"") -> NewTask:
    """Of values as people write them; those that are no texts travel as JSON (docs/spool-format.md).
    Raises TypeError, and Refused for what no spool takes."""
    given = task_vars or {}
    if "body" in given or at is not None or priority is not None:
        given = dict(given)
        if "body" in given:
            if body:
                raise TypeError("body is given twice")
            body = given.pop("body")
        for key, value in (("at", at), ("priority", priority)):
            if value is not None:
                given[key] = value
    to_bytes = packet.to_bytes
    items = {b"ud_spool_func": to_bytes(function)}
    as_json = []
    for key, value in given.items():
        name = to_bytes(key)
        if name in _SERVICES:
            value = _service_value(name, value)
        elif not isinstance(value, _TEXTS):
            as_json.append(key)
            value = _json_of(key, value)
        items[name] = to_bytes(value)
    if as_json:
        items[NAMES.encode()] = dump(as_json).encode()
    try:
        head = packet.encode(items.items())
    except ValueError as error:
        raise Refused(str(error)) from None
    return NewTask(head, to_bytes(body) if body else b"", items)


def _json_of(key, value) -> str:
    try:
        return dump(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError("the value of %s has no JSON: %s" % (key, error)) from None


def _service_value(key: bytes, value) -> bytes:
    """A time may be a datetime, a timedelta from now or a number of seconds since the epoch."""
    if key == b"at":
        if isinstance(value, timedelta):
            value = datetime.now(timezone.utc) + value
        if isinstance(value, datetime):
            # One without a zone is local time, as for all of Python.
            value = value.timestamp()
        if isinstance(value, float):
            value = int(value)
    return packet.to_bytes(value)


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
