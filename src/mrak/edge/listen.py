"""Opening the port: the first thing a server does, so that a port in use stops it before anything else starts."""

from __future__ import annotations

import errno
import socket

# Connections that the kernel completes while the loop is busy; Linux caps it at net.core.somaxconn (4096).
BACKLOG = 2048


def open_port(host: str, port: int) -> socket.socket:
    """A listening, non-blocking socket; an OSError whose text tells what to do when it cannot be had."""
    family, address = _resolve(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" alone, so that an IPv4 listener of another program is not shadowed.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _explained(error, host, port) from error
    return listener


def _resolve(host: str, port: int) -> tuple[int, tuple[str, int] | tuple[str, int, int, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise OSError(errno.EADDRNOTAVAIL, f"cannot listen on {host}: it is not an address of this machine") from error
    # IPv4 first: "localhost" is both, and unchanged tools that are given it try 127.0.0.1.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, _, _, _, address = found[0]
    return family, address  # type: ignore[return-value]


def _explained(error: OSError, host: str, port: int) -> OSError:
    reasons = {
        errno.EADDRINUSE: f"port {port} on {host} is in use by another program: stop it, or choose another port",
        errno.EACCES: f"port {port} on {host} needs more rights: choose a port above 1023",
        errno.EADDRNOTAVAIL: f"cannot listen on {host}: it is not an address of this machine",
    }
    return OSError(error.errno, reasons.get(error.errno or 0, f"cannot listen on {host}:{port}: {error.strerror}"))
