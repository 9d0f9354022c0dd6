"""Private files: signed URLs and cookies, made by botocore's own signer, and who is turned away."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.contract.apigateway import serve_upstream
from tests.contract.cloudfront import Site, behavior, config, listed, server_origin

FUTURE = datetime.datetime(2099, 1, 1)
PAST = datetime.datetime(2020, 1, 1)


class Private(NamedTuple):
    site: Site
    signer: CloudFrontSigner


@pytest.fixture(scope="module")
def cdn(sandbox: Any) -> Any:
    return sandbox.client("cloudfront")


@pytest.fixture(scope="module")
def private(cdn: Any) -> Iterator[Private]:
    """A distribution that asks for signatures of one key."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = uuid.uuid4().hex[:8]
    public = cdn.create_public_key(PublicKeyConfig={"CallerReference": name, "Name": name, "EncodedKey": pem.decode()})[
        "PublicKey"
    ]["Id"]
    group = cdn.create_key_group(KeyGroupConfig={"Name": name, "Items": [public]})["KeyGroup"]["Id"]
    default = behavior(TrustedKeyGroups={"Enabled": True, **listed(group)})
    with serve_upstream() as upstream:
        site = Site(cdn, **config(server_origin(upstream), default=default))
        yield Private(site, CloudFrontSigner(public, lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA1())))


def ask(private: Private, url: str, **headers: str) -> Any:
    parts = urlsplit(url)
    return private.site.get(f"{parts.path}?{parts.query}" if parts.query else parts.path, **headers)


def test_an_url_with_an_end(private: Private) -> None:
    """The canned policy: one file until a time; the origin does not see the signature."""
    url = private.site.url + "/film?part=1"
    answer = ask(private, private.signer.generate_presigned_url(url, date_less_than=FUTURE))
    assert (answer.status, answer.json["path"]) == (200, "/film")
    over = ask(private, private.signer.generate_presigned_url(url, date_less_than=PAST))
    assert (over.status, b"<Code>AccessDenied</Code>" in over.body) == (403, True)
    signed = private.signer.generate_presigned_url(url, date_less_than=FUTURE)
    assert ask(private, signed.replace("/film", "/other")).status == 403


def test_a_policy_of_ones_own(private: Private) -> None:
    """Wildcards, a beginning, an address: all must hold."""

    def status(resource: str, path: str, **conditions: Any) -> int:
        policy = private.signer.build_policy(private.site.url + resource, FUTURE, **conditions)
        url = private.signer.generate_presigned_url(private.site.url + path, policy=policy)
        return int(ask(private, url).status)

    assert status("/films/*", "/films/one") == 200
    assert status("/films/*", "/music/one") == 403
    assert status("/*", "/x", date_greater_than=FUTURE) == 403
    assert status("/*", "/x", ip_address="127.0.0.1/32") == 200
    assert status("/*", "/x", ip_address="203.0.113.0/24") == 403


def test_cookies(private: Private) -> None:
    """A whole site without touching its links."""
    policy = private.signer.build_policy(private.site.url + "/*", FUTURE)
    url = private.signer.generate_presigned_url(private.site.url + "/", policy=policy)
    fields = dict(part.split("=", 1) for part in urlsplit(url).query.split("&"))
    cookie = "; ".join(f"CloudFront-{name}={value}" for name, value in fields.items())
    assert private.site.get("/any", Cookie=f"mine=1; {cookie}").status == 200


def test_who_is_turned_away(private: Private) -> None:
    """Without a signature, and with a key that is not trusted."""
    bare = private.site.get("/film")
    assert (bare.status, b"<Code>MissingKey</Code>" in bare.body) == (403, True)
    other = CloudFrontSigner("KOTHER", private.signer.rsa_signer)
    unknown = ask(private, other.generate_presigned_url(private.site.url + "/film", date_less_than=FUTURE))
    assert (unknown.status, b"<Code>InvalidKey</Code>" in unknown.body) == (403, True)


def test_keys_that_are_in_use_stay(cdn: Any, private: Private) -> None:
    """Deleting a key from under a group would lock its viewers out."""
    got = cdn.get_public_key(Id=private.signer.key_id)
    with pytest.raises(ClientError, match="PublicKeyInUse"):
        cdn.delete_public_key(Id=private.signer.key_id, IfMatch=got["ETag"])
    with pytest.raises(ClientError, match="InvalidArgument"):
        cdn.create_public_key(PublicKeyConfig={"CallerReference": "x", "Name": "x", "EncodedKey": "no key"})
    with pytest.raises(ClientError, match="InvalidArgument"):
        cdn.create_key_group(KeyGroupConfig={"Name": "x", "Items": ["KNONE"]})
