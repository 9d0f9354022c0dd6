"""Connections that two requests change at once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Cloud

from mrak.core.errors import ApiError
from mrak.services.events import connections

AUTH = {
    "AuthorizationType": "BASIC",
    "AuthParameters": {"BasicAuthParameters": {"Username": "user", "Password": "word"}},
}


def test_no_secret_is_left_by_who_comes_late(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without authorization gets a secret, then another before the first is known: the later one stays
    alone, and belongs to the connection."""
    cloud.call("events", "CreateConnection", Name="shared", **AUTH)
    cloud.call("events", "DeauthorizeConnection", Name="shared")
    create_secret = connections._create_secret

    async def overtaken(*given: Any) -> str:
        monkeypatch.undo()
        made = await create_secret(*given)
        await cloud.call_async("events", "UpdateConnection", Name="shared", **AUTH)
        return made

    monkeypatch.setattr(connections, "_create_secret", overtaken)
    with pytest.raises(ApiError) as refused:
        cloud.call("events", "UpdateConnection", Name="shared", **AUTH)
    assert refused.value.code == "ConcurrentModificationException"
    secrets = cloud.call("secretsmanager", "ListSecrets")["SecretList"]
    kept = cloud.call("events", "DescribeConnection", Name="shared")["SecretArn"]
    assert [secret["ARN"] for secret in secrets] == [kept]
