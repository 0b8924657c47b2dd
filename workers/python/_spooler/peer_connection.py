"""One connection to a server, and the packets on it: docs/protocol.md says what they mean."""

from __future__ import annotations

import re
import struct

from . import packet, signing
from .dial import connect
from .new_task import NewTask
from .put_errors import Refused, Unreachable

MODIFIER_PING = 100
MODIFIER_ANSWER = 255
KEEP_OPEN = 1
WITH_BODY = 2
WANTS_NAME = 4
_MOST_REASON = 1000
# Beyond any body, and short of what Python takes long to read.
_SIZE = re.compile(rb"[0-9]{1,18}\Z")


class Lost(Exception):
    """The connection has ended, or what came is no answer: what was sent may have arrived."""


class PeerConnection:
    """Raises Lost when the connection ends, Refused and Unreachable for what the server says."""

    def __init__(self, address, timeout, secret, tls) -> None:
        self._secret = secret
        self._peer = str(address)
        self._socket = connect(address, timeout, tls)
        self._received = b""
        # Of tasks that are not answered yet: their signatures, in order.
        self._unanswered: list = []
        self._receiver = b""
        self._largest_body = 0
        # Whether it says the names of tasks.
        self.says_names = False

    def close(self) -> None:
        self._socket.close()

    # The ping

    def greet(self, must_answer: bool = False) -> bool:
        """Asks what the server can do. False when it is a uWSGI: it takes one packet of a connection. One that
        hangs up may be a uWSGI, or was lost: with `must_answer` that is Lost."""
        data = b""
        request = b""
        if self._secret is not None:
            data = packet.encode([(signing.NONCE, signing.nonce())])[packet.HEADER_SIZE :]
            data, request = signing.sign(data, self._secret)
        self._send(_header(MODIFIER_PING, len(data), KEEP_OPEN) + data)
        try:
            modifier1, modifier2, answer = self._read_packet()
        except Lost:
            if self._secret is None and not must_answer:
                # A uWSGI that does not know pings hangs up.
                return False
            if self._secret is None:
                raise Lost("%s hangs up at a ping, as a uWSGI may, which says no names" % self._peer) from None
            raise
        if modifier1 != MODIFIER_PING:
            raise Unreachable("%s does not answer a ping" % self._peer)
        values = self._decode(answer)
        if self._secret is not None:
            self._check(answer, (modifier1, modifier2), request, values)
            self._receiver = values.get(b"name", b"")
        largest = values.get(b"max-body", b"0")
        if not _SIZE.match(largest):
            raise Unreachable("%s does not say how much it takes: %r" % (self._peer, largest[:50]))
        self._largest_body = int(largest)
        self.says_names = b"task-name" in values.get(b"features", b"").split(b",")
        return b"spooler" in values

    def _check(self, answer: bytes, modifiers: tuple, request: bytes, values: dict) -> None:
        if signing.is_answer(answer, modifiers, request, self._secret):
            return
        reason = _text(values.get(b"reason", b""))
        text = "%s does not prove that it has the secret" % self._peer
        raise Unreachable("%s: %s" % (text, reason) if reason else text)

    # Tasks

    def encode(self, task: NewTask, task_id: bytes, wants_name: bool = False) -> tuple:
        """The bytes of a delivery, and its signature. Raises Refused."""
        if task.body and len(task.body) > self._largest_body:
            text = "the body has %d bytes, %s takes %d"
            raise Refused(text % (len(task.body), self._peer, self._largest_body))
        added = signing.delivery_vars(task_id, self._receiver, task.body, self._secret)
        data = task.head[packet.HEADER_SIZE :] + packet.encode(added)[packet.HEADER_SIZE :]
        signature = b""
        if self._secret is not None:
            data, signature = signing.sign(data, self._secret)
        if len(data) > packet.LARGEST:
            raise Refused("the vars have %d bytes, a packet holds %d" % (len(data), packet.LARGEST))
        flags = KEEP_OPEN | (WITH_BODY if task.body else 0) | (WANTS_NAME if wants_name else 0)
        head = _header(packet.MODIFIER_SPOOL, len(data), flags) + data
        if task.body:
            head += struct.pack("<Q", len(task.body)) + task.body
        return head, signature

    def send(self, task: NewTask, task_id: bytes, wants_name: bool = False) -> None:
        data, signature = self.encode(task, task_id, wants_name)
        self._unanswered.append(signature)
        self._send(data)

    def read_answer(self):
        """Of the oldest unanswered task: its name, where it was asked for, or that of the task that has its
        key; None when it was accepted and the answer has no name; or a Refused."""
        modifier1, modifier2, answer = self._read_packet()
        if modifier1 != MODIFIER_ANSWER:
            raise Lost("%s answered with modifier1 %d" % (self._peer, modifier1))
        request = self._unanswered.pop(0)
        values = self._decode(answer)
        if self._secret is not None:
            self._check(answer, (modifier1, modifier2), request, values)
        if modifier2 == 1:
            name = values.get(b"task")
            return None if name is None else _text(name)
        reason = _text(values.get(b"reason", b"")) or "its log says why"
        is_temporary = values.get(b"temporary") == b"1"
        return Refused("%s refused the task: %s" % (self._peer, reason), is_temporary)

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    # A uWSGI

    def send_plain(self, task: NewTask) -> None:
        """One task to a uWSGI, which closes the connection. Raises Refused, and Lost when no answer comes."""
        if task.body:
            raise Refused("%s is a uWSGI, which takes no body from a socket" % self._peer)
        self._send(task.head)
        if self._read(packet.HEADER_SIZE) != b"\xff\0\0\x01":
            raise Refused("%s refused the task: its log says why" % self._peer)

    # Bytes

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Lost("send to %s: %s" % (self._peer, error)) from error

    def _read_packet(self) -> tuple:
        modifier1, size, modifier2 = struct.unpack("<BHB", self._read(packet.HEADER_SIZE))
        return modifier1, modifier2, self._read(size)

    def _read(self, count: int) -> bytes:
        while len(self._received) < count:
            try:
                part = self._socket.recv(65536)
            except OSError as error:
                raise Lost("no answer from %s: %s" % (self._peer, error)) from error
            if not part:
                raise Lost("%s closed the connection" % self._peer)
            self._received += part
        found, self._received = self._received[:count], self._received[count:]
        return found

    def _decode(self, vars_bytes: bytes) -> dict:
        found = packet.decode(_header(packet.MODIFIER_SPOOL, len(vars_bytes), 0) + vars_bytes)
        if found is None:
            raise Lost("%s sent an answer that cannot be read" % self._peer)
        return found[0]


def _text(data: bytes) -> str:
    """What a server says, on one line: it may be anybody's."""
    text = data[:_MOST_REASON].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _header(modifier1: int, size: int, modifier2: int) -> bytes:
    return struct.pack("<BHB", modifier1, size, modifier2)
