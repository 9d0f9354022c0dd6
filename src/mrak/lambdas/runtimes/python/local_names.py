"""Names under .localhost are this machine (RFC 6761, section 6.3), also where the system's resolver does not know them:
a function reaches an API, a user pool's pages or a distribution by the name that mrak gave it."""

from __future__ import annotations

import socket


def resolve_local_names():
    look_up = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        return look_up("localhost" if _is_local(host) else host, *rest, **options)

    socket.getaddrinfo = getaddrinfo


def _is_local(host):
    name = host.decode("latin-1") if isinstance(host, bytes) else host
    return isinstance(name, str) and name.lower().rstrip(".").endswith(".localhost")
