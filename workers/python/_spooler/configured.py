"""Where the tasks of this process go: what its code has configured, or else the environment."""

from __future__ import annotations

import os
import sys

from .dial import Tls
from .peer import Peer
from .put_errors import SpoolError
from .signing import read_secret
from .spool_directory import SpoolDirectory
from .state import state
from .target import Directory, parse_target

_NO = ("0", "false", "no", "off")
_NOWHERE = (
    "nothing says where tasks go: set SPOOLER_SPOOL, or call spooler_client.configure(...)"
)
_configured = None
_of_environment: tuple = ("", None)


def configure(spool=None, **settings) -> None:
    """See spooler_client.configure."""
    global _configured
    _configured = open_target(spool, **settings)


def current():
    """A SpoolDirectory or a Peer. Raises SpoolError when nothing says where tasks go."""
    global _of_environment
    if _configured is not None:
        return _configured
    text = _text_of_process()
    if _of_environment[0] != text:
        _of_environment = (text, open_target(text))
    return _of_environment[1]


def open_target(
    spool=None, secret=None, secret_file=None, ca=None, cert=None, key=None, sync=None, timeout=10.0
):
    """What is not given is the environment's. Raises ValueError, SpoolError and OSError."""
    target = parse_target(_text_of_process() if spool is None else spool)
    if isinstance(target, Directory):
        if sync is None:
            sync = os.environ.get("SPOOLER_FSYNC", "").lower() not in _NO
        return SpoolDirectory(target.path, sync)
    secret_file = secret_file or os.environ.get("SPOOLER_SECRET_FILE")
    if secret is None and secret_file:
        with open(secret_file, encoding="utf-8") as file:
            secret = file.read()
    tls = Tls(
        ca or os.environ.get("SPOOLER_CA"),
        cert or os.environ.get("SPOOLER_CERT"),
        key or os.environ.get("SPOOLER_KEY"),
    )
    return Peer(target, None if secret is None else read_secret(secret), tls, timeout)


def _text_of_process() -> str:
    for name in ("SPOOLER_SPOOL", "UWSGI_SPOOLER"):
        text = os.environ.get(name)
        if text:
            return text
    if state.setup:
        # A task worker: its own spool.
        return state.setup["spool"]
    uwsgi = sys.modules.get("uwsgi")
    if uwsgi is not None and not hasattr(uwsgi, "spooler_version"):
        # The real uWSGI.
        spools = uwsgi.opt.get("spooler", b"")
        first = spools[0] if isinstance(spools, list) else spools
        if first:
            return os.fsdecode(first)
    raise SpoolError(_NOWHERE)
