"""Where tasks are put: a spool directory, or a server that speaks uwsgi."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

TLS_PREFIX = "tls://"
UNIX_PREFIX = "unix:"
# sun_path has 108 bytes, of which a file's name leaves one for its end.
_LONGEST_PATH = 107


class Directory(NamedTuple):
    path: str


class Address(NamedTuple):
    """Of a TCP socket, or with `path` of a unix socket; one that starts with a NUL is abstract."""

    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False

    def __str__(self) -> str:
        if self.path:
            return self.path.replace("\0", "@")
        host = "[%s]" % self.host if ":" in self.host else self.host
        return "%s%s:%d" % (TLS_PREFIX if self.tls else "", host, self.port)


def parse_target(text):
    """A Directory or an Address: a directory, `host:port`, `tls://host:port`, `@name`, or the path of
    a unix socket, which `unix:` says where there is none yet. Raises ValueError."""
    word = os.fsdecode(text)
    if not word or "\0" in word:
        raise ValueError("a spool is a directory, host:port, tls://host:port or a unix socket")
    if word.startswith(TLS_PREFIX):
        address = _parse_tcp(word[len(TLS_PREFIX) :], word)
        return address._replace(tls=True)
    if word.startswith("@"):
        return _unix("\0" + word[1:])
    if word.startswith(UNIX_PREFIX):
        path = word[len(UNIX_PREFIX) :]
        return _unix(os.path.abspath(path[2:] if path.startswith("//") else path))
    if "://" in word:
        raise ValueError('tasks go to a directory, host:port or tls://host:port, not to "%s"' % word)
    if "/" not in word and word.rpartition(":")[2].isdigit() and ":" in word:
        return _parse_tcp(word, word)
    path = os.path.abspath(word)
    return _unix(path) if _is_socket(path) else Directory(path)


def _parse_tcp(text: str, whole: str) -> Address:
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError('an address needs host:port, with a port up to 65535: "%s"' % whole)
    if ":" in host and bare == host:
        raise ValueError('an IPv6 address needs brackets, as in [::1]:3031: "%s"' % whole)
    return Address(host=bare or "127.0.0.1", port=int(port))


def _unix(path: str) -> Address:
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ValueError("the path of a unix socket has %d bytes at most" % _LONGEST_PATH)
    return Address(path=path)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return path.endswith((".sock", ".socket"))
