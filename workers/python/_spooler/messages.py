"""uwsgi.send_message: packets to other programs."""

from __future__ import annotations

import os

from . import packet
from .dial import connect
from .target import Address


def send_message(address, modifier1=0, modifier2=0, message=b"", timeout=4, *_rest):
    """Sends a uwsgi packet: a dictionary as vars, bytes, text or a number as they are.

    For modifier1 17, a task: True when it was accepted, False when it was refused. For all others
    the bytes of the answer. Raises OSError when the peer cannot be reached or does not answer.
    """
    data = _encode(message, modifier1, modifier2)
    with _connect(address, timeout) as peer:
        peer.sendall(data)
        if modifier1 == packet.MODIFIER_SPOOL:
            return _receive(peer, packet.HEADER_SIZE) == b"\xff\0\0\x01"
        return _receive(peer, None)


def _encode(message, modifier1, modifier2) -> bytes:
    if isinstance(message, dict):
        items = [(packet.to_bytes(key), packet.to_bytes(value)) for key, value in message.items()]
        return packet.encode(items, modifier1, modifier2)
    data = b"" if message is None else packet.to_bytes(message)
    if len(data) > packet.LARGEST:
        raise ValueError("a packet holds %d bytes, not %d" % (packet.LARGEST, len(data)))
    return bytes([modifier1]) + len(data).to_bytes(2, "little") + bytes([modifier2]) + data


def _connect(address, timeout):
    text = os.fsdecode(address)
    host, colon, port = text.rpartition(":")
    if colon and port.isdigit():
        return connect(Address(host.strip("[]") or "127.0.0.1", int(port)), timeout)
    return connect(Address(path="\0" + text[1:] if text.startswith("@") else text), timeout)


def _receive(peer, count) -> bytes:
    """`count` bytes, or all there are."""
    received = b""
    while count is None or len(received) < count:
        part = peer.recv(65536 if count is None else count - len(received))
        if not part:
            break
        received += part
    return received
