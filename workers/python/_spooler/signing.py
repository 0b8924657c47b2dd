"""Signatures of tasks and of answers, as docs/protocol.md has them."""

from __future__ import annotations

import hashlib
import hmac
import os
import time

from . import packet

ID = b"spooler_id"
RECEIVER = b"spooler_to"
TIME = b"spooler_ts"
BODY_HASH = b"spooler_sha256"
SIGNATURE = b"spooler_sig"
NONCE = b"spooler_nonce"
# Of the wire: they never belong to a task.
RESERVED = (ID, RECEIVER, TIME, BODY_HASH, SIGNATURE)
SHORTEST_SECRET = 8
# Two lengths, the name and 64 digits.
_SIGNATURE_SIZE = 4 + len(SIGNATURE) + 64


def read_secret(text: str) -> bytes:
    secret = text.strip()
    if len(secret) < SHORTEST_SECRET:
        raise ValueError("a secret needs %d characters or more" % SHORTEST_SECRET)
    return secret.encode()


def delivery_vars(task_id: bytes, receiver, body: bytes, secret) -> list:
    """What is added to a task's own vars; the signature comes behind them."""
    # Microseconds, so that no two deliveries of a task have the same signature.
    found = [(ID, task_id)]
    if secret is not None:
        found.append((RECEIVER, receiver))
    found.append((TIME, b"%.6f" % time.time()))
    if secret is not None and body:
        found.append((BODY_HASH, hashlib.sha256(body).hexdigest().encode()))
    return found


def nonce() -> bytes:
    return os.urandom(16).hex().encode()


def sign(vars_bytes: bytes, secret: bytes) -> tuple:
    """The vars with their signature behind them, and the signature."""
    signature = _mac(secret, vars_bytes)
    return vars_bytes + _signature_var(signature), signature


def is_answer(vars_bytes: bytes, modifiers: tuple, request: bytes, secret: bytes) -> bool:
    """Whether an answer is signed by somebody who knows the secret, for this very request."""
    front, last = vars_bytes[:-_SIGNATURE_SIZE], vars_bytes[-_SIGNATURE_SIZE:]
    wanted = _mac(secret, bytes((0, 0, *modifiers)) + request + front)
    return hmac.compare_digest(last, _signature_var(wanted))


def _signature_var(signature: bytes) -> bytes:
    return packet.encode([(SIGNATURE, signature)])[packet.HEADER_SIZE :]


def _mac(secret: bytes, data: bytes) -> bytes:
    return hmac.new(secret, data, hashlib.sha256).hexdigest().encode()
