"""Resource types of identity and monitoring, each with a small template."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.stack_types import FUNCTION, Case, allow, att, of, ref, resource, role

POOL = {"Pool": resource("Cognito::UserPool", UserPoolName="pool")}
OF_POOL = {"UserPoolId": ref("Pool")}
GROUP = {"Group": resource("Cognito::UserPoolGroup", **OF_POOL, GroupName="g")}
USER = {"User": resource("Cognito::UserPoolUser", **OF_POOL, Username="ann")}
CLIENT = {"Client": resource("Cognito::UserPoolClient", **OF_POOL)}
IDENTITIES = {"Pool": resource("Cognito::IdentityPool", AllowUnauthenticatedIdentities=True)}


def alarm(threshold: float) -> dict[str, Any]:
    return {
        "AlarmName": "a", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "MetricName": "m",
        "Namespace": "n", "Period": 60, "Statistic": "Sum", "Threshold": threshold,
    }  # fmt: skip


def identity(operation: str, *path: str, **names: str) -> Any:
    return of(
        lambda client, o: getattr(client("cognito-idp"), operation)(**{k: o.get(v, v) for k, v in names.items()}), *path
    )


def branding(color: str) -> dict[str, Any]:
    icon = {"Category": "FAVICON_ICO", "ColorMode": "LIGHT", "Extension": "ICO", "Bytes": "AAEC"}
    return {**OF_POOL, "ClientId": ref("Client"), "Settings": {"color": color}, "Assets": [icon]}


def terms(page: str) -> dict[str, Any]:
    kind = {"TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE"}
    return {**OF_POOL, **kind, "ClientId": ref("Client"), "Links": {"cognito:default": f"https://a.test/{page}"}}


def delivery(level: str) -> dict[str, Any]:
    group = {"LogGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g"}
    source = {"EventSource": "userNotification", "LogLevel": level, "CloudWatchLogsConfiguration": group}
    return {**OF_POOL, "LogConfigurations": [source]}


def risks(action: str) -> dict[str, Any]:
    actions = {"CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": action}}}
    return {**OF_POOL, "ClientId": "ALL", **actions}


def principal_tag(claim: str) -> dict[str, Any]:
    named = {"IdentityPoolId": ref("Pool"), "IdentityProviderName": "graph.facebook.com"}
    return {**named, "UseDefaults": False, "PrincipalTags": {"team": claim}}


IDENTITY = [
    Case(
        "AWS::Cognito::UserPool",
        {"UserPoolName": "p", "DeletionProtection": "INACTIVE", "EmailVerificationSubject": "a"},
        identity("describe_user_pool", "UserPool", "EmailVerificationSubject", UserPoolId="Ref"),
        "a",
        {"UserPoolName": "p", "EmailVerificationSubject": "b"},
        "b",
        ("Arn", "ProviderName", "ProviderURL", "UserPoolId"),
    ),
    Case(
        "AWS::Cognito::UserPoolClient",
        {**OF_POOL, "ClientName": "c", "RefreshTokenValidity": 10, "GenerateSecret": True},
        identity(
            "describe_user_pool_client", "UserPoolClient", "RefreshTokenValidity", UserPoolId="Pool", ClientId="Ref"
        ),
        10,
        {**OF_POOL, "ClientName": "c", "RefreshTokenValidity": 20, "GenerateSecret": True},
        20,
        ("ClientId", "ClientSecret"),
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolDomain",
        {**OF_POOL, "Domain": "typed"},
        identity("describe_user_pool_domain", "DomainDescription", "Status", Domain="typed"),
        "ACTIVE",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolGroup",
        {**OF_POOL, "GroupName": "g", "Description": "a"},
        identity("get_group", "Group", "Description", UserPoolId="Pool", GroupName="g"),
        "a",
        {**OF_POOL, "GroupName": "g", "Description": "b"},
        "b",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolIdentityProvider",
        {
            **OF_POOL,
            "ProviderName": "Google",
            "ProviderType": "Google",
            "ProviderDetails": {"client_id": "i", "client_secret": "s", "authorize_scopes": "openid"},
        },
        identity(
            "describe_identity_provider",
            "IdentityProvider",
            "ProviderDetails",
            "authorize_scopes",
            UserPoolId="Pool",
            ProviderName="Google",
        ),
        "openid",
        {
            **OF_POOL,
            "ProviderName": "Google",
            "ProviderType": "Google",
            "ProviderDetails": {"client_id": "i", "client_secret": "s", "authorize_scopes": "openid email"},
        },
        "openid email",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolResourceServer",
        {**OF_POOL, "Identifier": "r", "Name": "a"},
        identity("describe_resource_server", "ResourceServer", "Name", UserPoolId="Pool", Identifier="r"),
        "a",
        {**OF_POOL, "Identifier": "r", "Name": "b"},
        "b",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolUser",
        {**OF_POOL, "Username": "ann"},
        identity("admin_get_user", "Username", UserPoolId="Pool", Username="ann"),
        "ann",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolUserToGroupAttachment",
        {**OF_POOL, "Username": ref("User"), "GroupName": ref("Group")},
        lambda client, o: [
            g["GroupName"]
            for g in client("cognito-idp").admin_list_groups_for_user(UserPoolId=o["Pool"], Username="ann")["Groups"]
        ],
        ["g"],
        needs={**POOL, **USER, **GROUP},
    ),
    Case(
        "AWS::Cognito::ManagedLoginBranding",
        branding("a"),
        lambda client, o: [
            (look["Settings"], look["Assets"][0]["Bytes"])
            for look in [
                client("cognito-idp").describe_managed_login_branding_by_client(
                    UserPoolId=o["Pool"], ClientId=o["Client"]
                )["ManagedLoginBranding"]
            ]
        ],
        [({"color": "a"}, b"\x00\x01\x02")],
        branding("b"),
        [({"color": "b"}, b"\x00\x01\x02")],
        ("ManagedLoginBrandingId",),
        needs={**POOL, **CLIENT},
    ),
    Case(
        "AWS::Cognito::Terms",
        terms("a"),
        identity("describe_terms", "Terms", "Links", "cognito:default", UserPoolId="Pool", TermsId="TermsId"),
        "https://a.test/a",
        terms("b"),
        "https://a.test/b",
        ("TermsId",),
        needs={**POOL, **CLIENT},
    ),
    Case(
        "AWS::Cognito::LogDeliveryConfiguration",
        delivery("ERROR"),
        lambda client, o: [
            one["LogLevel"]
            for one in client("cognito-idp").get_log_delivery_configuration(UserPoolId=o["Pool"])[
                "LogDeliveryConfiguration"
            ]["LogConfigurations"]
        ],
        ["ERROR"],
        delivery("INFO"),
        ["INFO"],
        ("Id",),
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolRiskConfigurationAttachment",
        risks("BLOCK"),
        identity(
            "describe_risk_configuration",
            "RiskConfiguration",
            "CompromisedCredentialsRiskConfiguration",
            "Actions",
            "EventAction",
            UserPoolId="Pool",
        ),
        "BLOCK",
        risks("NO_ACTION"),
        "NO_ACTION",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::UserPoolUICustomizationAttachment",
        {**OF_POOL, "ClientId": "ALL", "CSS": ".a {}"},
        identity("get_ui_customization", "UICustomization", "CSS", UserPoolId="Pool"),
        ".a {}",
        {**OF_POOL, "ClientId": "ALL", "CSS": ".b {}"},
        ".b {}",
        needs=POOL,
    ),
    Case(
        "AWS::Cognito::IdentityPool",
        {"IdentityPoolName": "i", "AllowUnauthenticatedIdentities": False},
        of(
            lambda client, o: client("cognito-identity").describe_identity_pool(IdentityPoolId=o["Ref"]),
            "AllowUnauthenticatedIdentities",
        ),
        False,
        {"IdentityPoolName": "i", "AllowUnauthenticatedIdentities": True},
        True,
        ("Name",),
    ),
    Case(
        "AWS::Cognito::IdentityPoolRoleAttachment",
        {"IdentityPoolId": ref("Pool"), "Roles": {"unauthenticated": att("Role", "Arn")}},
        lambda client, o: list(
            client("cognito-identity").get_identity_pool_roles(IdentityPoolId=o["Pool"]).get("Roles", {})
        ),
        ["unauthenticated"],
        {"IdentityPoolId": ref("Pool"), "Roles": {"authenticated": att("Role", "Arn")}},
        ["authenticated"],
        needs={**IDENTITIES, "Role": role("cognito-identity.amazonaws.com")},
    ),
    Case(
        "AWS::Cognito::IdentityPoolPrincipalTag",
        principal_tag("a"),
        of(
            lambda client, o: client("cognito-identity").get_principal_tag_attribute_map(
                IdentityPoolId=o["Pool"], IdentityProviderName="graph.facebook.com"
            ),
            "PrincipalTags",
        ),
        {"team": "a"},
        principal_tag("b"),
        {"team": "b"},
        needs={
            "Pool": resource(
                "Cognito::IdentityPool",
                AllowUnauthenticatedIdentities=True,
                SupportedLoginProviders={"graph.facebook.com": "1"},
            )
        },
    ),
]

MONITORING = [
    Case(
        "AWS::CloudWatch::Alarm",
        alarm(1.0),
        lambda client, o: [
            a["Threshold"] for a in client("cloudwatch").describe_alarms(AlarmNames=["a"])["MetricAlarms"]
        ],
        [1.0],
        alarm(2.0),
        [2.0],
        ("Arn",),
    ),
    Case(
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": "d", "DashboardBody": '{"widgets":[]}'},
        of(lambda client, o: client("cloudwatch").get_dashboard(DashboardName="d"), "DashboardBody"),
        '{"widgets":[]}',
        {"DashboardName": "d", "DashboardBody": '{"widgets":[],"start":"-PT1H"}'},
        '{"widgets":[],"start":"-PT1H"}',
    ),
    Case(
        "AWS::Logs::LogGroup",
        {"LogGroupName": "/g", "RetentionInDays": 1},
        lambda client, o: [
            g["retentionInDays"] for g in client("logs").describe_log_groups(logGroupNamePrefix="/g")["logGroups"]
        ],
        [1],
        {"LogGroupName": "/g", "RetentionInDays": 3},
        [3],
        ("Arn",),
    ),
    Case(
        "AWS::Logs::LogStream",
        {"LogGroupName": ref("Group"), "LogStreamName": "s"},
        lambda client, o: [
            s["logStreamName"] for s in client("logs").describe_log_streams(logGroupName=o["Group"])["logStreams"]
        ],
        ["s"],
        needs={"Group": resource("Logs::LogGroup")},
    ),
    Case(
        "AWS::Logs::MetricFilter",
        {
            "LogGroupName": ref("Group"),
            "FilterName": "f",
            "FilterPattern": "a",
            "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}],
        },
        lambda client, o: [
            f["filterPattern"] for f in client("logs").describe_metric_filters(logGroupName=o["Group"])["metricFilters"]
        ],
        ["a"],
        {
            "LogGroupName": ref("Group"),
            "FilterName": "f",
            "FilterPattern": "b",
            "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}],
        },
        ["b"],
        needs={"Group": resource("Logs::LogGroup")},
    ),
    Case(
        "AWS::Logs::ResourcePolicy",
        {
            "PolicyName": "p",
            "PolicyDocument": json.dumps(allow("logs:PutLogEvents", Principal={"Service": "events.amazonaws.com"})),
        },
        lambda client, o: [
            json.loads(p["policyDocument"])["Statement"][0]["Action"]
            for p in client("logs").describe_resource_policies()["resourcePolicies"]
        ],
        ["logs:PutLogEvents"],
        {
            "PolicyName": "p",
            "PolicyDocument": json.dumps(allow("logs:CreateLogStream", Principal={"Service": "events.amazonaws.com"})),
        },
        ["logs:CreateLogStream"],
    ),
    Case(
        "AWS::Logs::SubscriptionFilter",
        {"LogGroupName": ref("Group"), "FilterName": "f", "FilterPattern": "a", "DestinationArn": att("Fn", "Arn")},
        lambda client, o: [
            f["filterPattern"]
            for f in client("logs").describe_subscription_filters(logGroupName=o["Group"])["subscriptionFilters"]
        ],
        ["a"],
        {"LogGroupName": ref("Group"), "FilterName": "f", "FilterPattern": "b", "DestinationArn": att("Fn", "Arn")},
        ["b"],
        needs={
            "Group": resource("Logs::LogGroup"),
            **FUNCTION,
            "Allowed": resource(
                "Lambda::Permission",
                FunctionName=ref("Fn"),
                Action="lambda:InvokeFunction",
                Principal="logs.amazonaws.com",
            ),
        },
    ),
]

CASES = [*IDENTITY, *MONITORING]
