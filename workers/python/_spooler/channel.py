"""The connection to the program that started this worker: frames out, frames in.

A process that task code has forked is no worker. It has a connection of its own, for calls alone.

Any thread may send and may wait for the answer to a call. Signal handlers of task code run in the
middle of it all and may raise; no bytes are lost then.
"""

from __future__ import annotations

from .own import BUILTINS as __builtins__

import collections
import fcntl
import os
import select
import socket
import threading
from struct import pack, unpack_from

from .call_failed import CallFailed
from .own import Condition, decode_json, encode_json

# Task code that closes "all" descriptors usually stops far below; see descriptors.py for the rest.
HIGH_DESCRIPTOR = 64
READ_SIZE = 65536

_get_ident = threading.get_ident


class Closed(Exception):
    """The program is gone, or the connection is."""


class Channel:
    def __init__(self, path: str) -> None:
        first = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        first.settimeout(None)
        first.connect(path)
        high = fcntl.fcntl(first.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=high)
        self._socket.settimeout(None)
        first.close()
        self._poll = select.poll()
        self._poll.register(high, select.POLLIN)
        self.forked = False
        # The socket for calls of forked children: the program sends its path.
        self.calls_path = ""
        self._own: Channel | None = None
        self._owning = threading.Lock()
        self._sending = threading.Lock()
        self._sender: int | None = None
        self._backlog: collections.deque = collections.deque()
        self._received = bytearray()
        self._inbox: collections.deque = collections.deque()
        self._changed = Condition()
        self._reader: int | None = None
        self._calls = 0
        self._waiting: set = set()
        self._replies: dict = {}
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        """A child of task code is no worker: the program would take its messages for its parent's."""
        self.forked = True
        self._socket.close()
        self._own = None
        self._owning = threading.Lock()

    # Sending

    def send(self, head: dict, tail: bytes = b"") -> None:
        """Raises Closed when the program is gone."""
        if self.forked:
            raise Closed("a forked child is not a worker")
        text = encode_json(head).encode("ascii")
        frame = pack("<II", 4 + len(text) + len(tail), len(text)) + text + tail
        me = _get_ident()
        if self._sender == me:
            # A signal handler has interrupted this thread in the middle of another frame.
            self._backlog.append(frame)
            return
        interrupted = None
        with self._sending:
            self._sender = me
            try:
                while True:
                    interrupted = self._send_all(frame) or interrupted
                    if not self._backlog:
                        break
                    frame = self._backlog.popleft()
            finally:
                self._sender = None
        if interrupted is not None:
            raise interrupted

    def _send_all(self, frame: bytes) -> BaseException | None:
        """Sends to the end, whatever signal handlers raise meanwhile; returns what they raised."""
        interrupted = None
        rest = memoryview(frame)
        while rest:
            sent: list = []
            try:
                # In this form no handler can run between the call and the keeping of its result.
                sent.extend(map(self._socket.send, (rest,)))
            except OSError as error:
                raise Closed(str(error)) from error
            except BaseException as error:
                interrupted = error
            if sent:
                rest = rest[sent[0] :]
        return interrupted

    # Receiving

    def next(self) -> dict:
        """The next message that is no reply; waits for it. Raises Closed."""
        return self._until(self._take_message)

    def next_now(self) -> dict | None:
        """The next message if it is there already."""
        if not self._inbox and self._reader is None and self._poll.poll(0):
            self._pull()
        return self._take_message()

    def call(self, method: str, tail: bytes = b"", **args) -> object:
        """Asks the program and waits for its answer. Raises CallFailed, or Closed."""
        if self.forked:
            return self._call_as_child(method, tail, args)
        call_id = self._new_call(method, args, tail, wanted=True)
        try:
            reply = self._until(lambda: self._replies.pop(call_id, None))
        finally:
            self._waiting.discard(call_id)
        if "error" in reply:
            raise CallFailed(reply["error"])
        return reply.get("result")

    def notify(self, method: str, **args) -> None:
        """A call whose answer is not of interest."""
        if self.forked:
            # It reads only while it waits: answers that nobody takes would pile up.
            self._call_as_child(method, b"", args)
            return
        self._new_call(method, args, b"", wanted=False)

    def _call_as_child(self, method: str, tail: bytes, args: dict) -> object:
        """Over a connection of this process's own. Raises CallFailed."""
        try:
            return self._own_channel().call(method, tail, **args)
        except Closed as error:
            self._own = None
            raise CallFailed("a forked child cannot reach the program: %s" % error) from None

    def _own_channel(self) -> Channel:
        """The first call of a forked child connects. Raises Closed."""
        with self._owning:
            if self._own is None:
                try:
                    self._own = Channel(self.calls_path)
                except OSError as error:
                    raise Closed(str(error)) from error
            return self._own

    def _new_call(self, method: str, args: dict, tail: bytes, wanted: bool) -> int:
        with self._changed:
            self._calls += 1
            call_id = self._calls
            if wanted:
                self._waiting.add(call_id)
        self.send({"type": "call", "id": call_id, "method": method, "args": args}, tail)
        return call_id

    def _take_message(self) -> dict | None:
        return self._inbox.popleft() if self._inbox else None

    def _until(self, ready):
        """Waits for what `ready` returns. One thread reads for all that wait."""
        me = _get_ident()
        while True:
            with self._changed:
                value = ready()
                if value is not None:
                    return value
                reader = self._reader
                if reader is not None and reader != me:
                    self._changed.wait()
                    continue
                self._reader = me
            try:
                self._pull()
            finally:
                with self._changed:
                    self._reader = reader
                    self._changed.notify_all()

    def _pull(self) -> None:
        """Takes what has come, at least something, and hands out what is whole."""
        received: list = []
        try:
            received.extend(map(self._socket.recv, (READ_SIZE,)))
        except OSError as error:
            raise Closed(str(error)) from error
        finally:
            if received:
                self._received += received[0]
        if not received[0]:
            raise Closed("the program has closed the connection")
        self._hand_out()

    def _hand_out(self) -> None:
        buffer = self._received
        while len(buffer) >= 8:
            length, head_length = unpack_from("<II", buffer)
            if len(buffer) < 4 + length:
                return
            message = decode_json(str(buffer[8 : 8 + head_length], "utf-8"))
            del buffer[: 4 + length]
            if message["type"] != "reply":
                self._inbox.append(message)
            elif message["id"] in self._waiting:
                self._replies[message["id"]] = message
