"""URLs of what users build: resources that have a host of their own (APIs, function URLs, distributions)."""

from __future__ import annotations

_LOCALSTACK = "localhost.localstack.cloud"


def resource_url(endpoint: str, kind: str, resource: str) -> str:
    """Where a resource answers, told from how the caller reached us: `http://abc123.execute-api.localhost:4566`.

    Names under `localhost` resolve to this machine. A caller that came by another name gets the path form, since we
    can't know that names under that one resolve.
    """
    scheme, _, authority = endpoint.partition("://")
    host, port = _split_port(authority)
    if host == _LOCALSTACK or host.endswith("." + _LOCALSTACK):
        return f"{scheme}://{resource}.{kind}.{_LOCALSTACK}{port}"
    if host in ("localhost", "[::1]") or host.endswith(".localhost") or host.startswith("127."):
        return f"{scheme}://{resource}.{kind}.localhost{port}"
    return f"{endpoint}/_aws/{kind}/{resource}"


def services_url(url: str) -> str:
    """The endpoint of services beside a resource's own host: `http://localhost:4566`."""
    scheme, _, authority = url.partition("://")
    host, port = _split_port(authority)
    if host.endswith("." + _LOCALSTACK):
        return f"{scheme}://{_LOCALSTACK}{port}"
    return f"{scheme}://localhost{port}" if host.endswith(".localhost") else url


def _split_port(authority: str) -> tuple[str, str]:
    """(host, ":port") of an authority; ("host", "") where it has no port."""
    host, colon, port = authority.rpartition(":")
    return (host, f":{port}") if colon and port.isdigit() else (authority, "")
