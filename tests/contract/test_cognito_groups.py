"""Groups of user pools. Black box."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from tests.conftest import error_of
from tests.contract.cognito import App, new_app


@pytest.fixture(scope="module")
def app(sandbox: Any) -> App:
    return new_app(sandbox)


def test_groups(app: App) -> None:
    """They stand in the tokens, the most important first, with its role."""
    app.add_user("gus")
    pool = {"UserPoolId": app.pool_id}
    for name, precedence in (("low", 9), ("high", 1)):
        role = f"arn:aws:iam::000000000000:role/{name}"
        app.admin.create_group(GroupName=name, Precedence=precedence, RoleArn=role, **pool)
        app.admin.admin_add_user_to_group(GroupName=name, Username="gus", **pool)
    claims = jwt.decode(app.tokens("gus")["IdToken"], options={"verify_signature": False})
    assert claims["cognito:groups"] == ["high", "low"]
    assert claims["cognito:preferred_role"] == "arn:aws:iam::000000000000:role/high"
    assert error_of(app.admin.create_group, GroupName="low", **pool)[:2] == (
        "GroupExistsException",
        "A group with the name already exists.",
    )
    assert error_of(app.admin.get_group, GroupName="none", **pool)[:2] == (
        "ResourceNotFoundException",
        "Group not found.",
    )
    assert [u["Username"] for u in app.admin.list_users_in_group(GroupName="low", **pool)["Users"]] == ["gus"]
    app.admin.admin_remove_user_from_group(GroupName="low", Username="gus", **pool)
    left = app.admin.admin_list_groups_for_user(Username="gus", **pool)["Groups"]
    assert [group["GroupName"] for group in left] == ["high"]
    app.admin.update_group(GroupName="high", Description="d", **pool)
    assert app.admin.get_group(GroupName="high", **pool)["Group"]["Description"] == "d"
    app.admin.delete_group(GroupName="high", **pool)
    assert app.admin.admin_list_groups_for_user(Username="gus", **pool)["Groups"] == []
    assert [group["GroupName"] for group in app.admin.list_groups(**pool)["Groups"]] == ["low"]


def test_groups_as_recorded(app: App) -> None:
    """A group that isn't there has no member to remove; an update that says nothing new changes nothing, not even the
    date; the role of a group without a precedence is never preferred; no list is of none."""
    app.add_user("ivo")
    pool = {"UserPoolId": app.pool_id}
    role = "arn:aws:iam::123456789012:role/ivo"
    made = app.admin.create_group(GroupName="unranked", RoleArn=role, Description="", **pool)["Group"]
    assert "Description" not in made
    app.admin.admin_add_user_to_group(GroupName="unranked", Username="ivo", **pool)
    claims = jwt.decode(app.tokens("ivo")["IdToken"], options={"verify_signature": False})
    assert (claims["cognito:roles"], "cognito:preferred_role" in claims) == ([role], False)
    assert app.admin.update_group(GroupName="unranked", Description="", **pool)["Group"] == made
    app.admin.admin_remove_user_from_group(GroupName="absent", Username="ivo", **pool)
    none = (
        "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value "
    )
    lists = (
        (app.admin.list_groups, {}),
        (app.admin.admin_list_groups_for_user, {"Username": "ivo"}),
        (app.admin.list_users_in_group, {"GroupName": "unranked"}),
    )
    for ask, asked in lists:
        refused = error_of(ask, Limit=0, **asked, **pool)
        assert refused[0] == "InvalidParameterException" and f"{none}greater than or equal to 1" in refused[1]
