"""AWS's Signature Version 4 test suite, turned round: each given authorization header must verify.

The vectors (vectors/, with their LICENSE and NOTICE) hold a request, its canonical form and its signature.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mrak.auth.canonical import canonical_headers, canonical_path, canonical_query
from mrak.auth.sigv4 import check_signature, parse_signature
from mrak.core.errors import ApiError
from mrak.core.http import Request

VECTORS = Path(__file__).parent / "vectors"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = 1440938160.0  # 2015-08-30T12:36:00Z, the time of every vector

CASES = sorted(path.with_suffix("") for path in VECTORS.rglob("*.authz"))


def _request(case: Path) -> Request:
    """The signed request, its Authorization taken from the .authz file."""
    head, _, body = case.with_suffix(".sreq").read_text().replace("\r", "").partition("\n\n")
    first, *lines = head.split("\n")
    method, target = first.split(" ", 1)
    path, _, query = target.rsplit(" ", 1)[0].partition("?")
    headers: dict[str, str] = {}
    last = ""
    for line in filter(None, lines):
        if line.startswith(" "):  # a folded header goes on
            headers[last] += line
            continue
        name, _, value = line.partition(":")
        last = name.lower()
        headers[last] = f"{headers[last]}, {value.strip()}" if last in headers else value.strip()
    headers["authorization"] = case.with_suffix(".authz").read_text().strip()
    return Request(method, path, query, headers, body.encode())


def test_all_vectors_are_here() -> None:
    """A moved directory must not make this file pass on nothing."""
    assert len(CASES) >= 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector_verifies(case: Path) -> None:
    """The signature that AWS computed is the one that we compute."""
    request = _request(case)
    signature = parse_signature(request)
    assert signature is not None
    check_signature(signature, request, SECRET, NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector_canonical_request(case: Path) -> None:
    """Every part of the canonical request, so that a failure says which one is wrong."""
    request = _request(case)
    signature = parse_signature(request)
    assert signature is not None
    wanted = case.with_suffix(".creq").read_text().replace("\r", "").split("\n")
    names = signature.signed_headers
    got = [
        request.method,
        canonical_path(request.path, is_s3=False),
        canonical_query(request.query),
        *canonical_headers(names, request.headers).split("\n"),
        ";".join(names),
    ]
    compact = [*got[:3], *canonical_headers(names, request.headers, compact_commas=True).split("\n"), got[-1]]
    assert wanted[:-1] in (got, compact)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector_with_another_secret_fails(case: Path) -> None:
    """A verifier that accepts everything would pass the tests above."""
    request = _request(case)
    signature = parse_signature(request)
    assert signature is not None
    with pytest.raises(ApiError) as caught:
        check_signature(signature, request, SECRET + "x", NOW)
    assert (caught.value.code, caught.value.status) == ("InvalidSignatureException", 403)
