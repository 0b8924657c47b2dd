"""Connects to servers that speak uwsgi."""

from __future__ import annotations

import socket

from .target import Address


class Tls:
    """What TLS needs: files, read at each connection, so that renewed certificates are used."""

    def __init__(self, ca=None, cert=None, key=None) -> None:
        self._ca = ca
        self._cert = cert
        self._key = key

    def wrap(self, peer: socket.socket, host: str) -> socket.socket:
        # Its import takes long, and few need it.
        import ssl

        context = ssl.create_default_context()
        if self._ca:
            # Besides those that the machine trusts.
            context.load_verify_locations(self._ca)
        if self._cert:
            context.load_cert_chain(self._cert, self._key)
        return context.wrap_socket(peer, server_hostname=host)


def connect(address: Address, timeout, tls=None) -> socket.socket:
    """Raises OSError."""
    if address.path:
        return _connect_unix(address.path, timeout)
    peer = socket.create_connection((address.host, address.port), timeout)
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return (tls or Tls()).wrap(peer, address.host) if address.tls else peer
    except BaseException:
        peer.close()
        raise


def _connect_unix(path: str, timeout) -> socket.socket:
    # A uWSGI has an abstract name with a NUL at its end.
    paths = [path, path + "\0"] if path.startswith("\0") else [path]
    while True:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            peer.settimeout(timeout)
            peer.connect(paths.pop(0))
            return peer
        except BaseException as error:
            peer.close()
            if not paths or not isinstance(error, ConnectionRefusedError):
                raise
