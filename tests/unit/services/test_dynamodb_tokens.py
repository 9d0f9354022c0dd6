"""Tokens of transactions that meet each other between two of their own transactions of the store."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Cloud

from mrak.core.errors import ApiError
from mrak.services.dynamodb import conflicts

KEY = {"k": {"S": "counter"}}
COUNT = {
    "TransactItems": [
        {
            "Update": {
                "TableName": "counted",
                "Key": KEY,
                "UpdateExpression": "ADD n :one",
                "ConditionExpression": "attribute_exists(k)",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        }
    ],
    "ClientRequestToken": "twice",
}


def test_what_was_completed_meanwhile_stays_so(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt is cancelled, and before that is remembered the client's next one completes: forgetting that would
    count twice when the client asks again."""
    cloud.call(
        "dynamodb",
        "CreateTable",
        TableName="counted",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    hold_while = conflicts.hold_while

    async def overtaken(*given: Any) -> Any:
        try:
            return await hold_while(*given)
        except ApiError:
            monkeypatch.undo()
            await cloud.call_async("dynamodb", "PutItem", TableName="counted", Item=KEY)
            await cloud.call_async("dynamodb", "TransactWriteItems", **COUNT)
            raise

    monkeypatch.setattr(conflicts, "hold_while", overtaken)
    with pytest.raises(ApiError, match="ConditionalCheckFailed"):
        cloud.call("dynamodb", "TransactWriteItems", **COUNT)
    cloud.call("dynamodb", "TransactWriteItems", **COUNT)
    assert cloud.call("dynamodb", "GetItem", TableName="counted", Key=KEY)["Item"]["n"] == {"N": "1"}
