"""What other services may use of API Gateway: the hosted zones of its endpoints, and which APIs are edge-optimised."""

from __future__ import annotations

from mrak.core.context import Transaction
from mrak.core.scope import Scope
from mrak.services.apigateway.tables import APIS

EDGE_ZONE = "Z2FDTNDATAQYW2"
"""CloudFront's, which is in front of edge-optimised domain names."""

_ZONES = {
    "us-east-1": "Z1UJRXOUMOOFQ8", "us-east-2": "ZOJJZC49E0EPZ", "us-west-1": "Z2MUQ32089INYE",
    "us-west-2": "Z2OJLYMUO9EFXC", "ca-central-1": "Z19DQILCV0OWEC", "sa-east-1": "ZCMLWB8V5SYIT",
    "eu-central-1": "Z1U9ULNL0V5AJ3", "eu-west-1": "ZLY8HYME6SFDD", "eu-west-2": "ZJ5UAJN8Y3Z2Q",
    "eu-west-3": "Z3KY65QIEKYHQQ", "eu-north-1": "Z3UWIKFBOOGXPP", "ap-south-1": "Z3VO1THU9YC4UR",
    "ap-northeast-1": "Z1YSHQZHG15GKL", "ap-northeast-2": "Z20JF4UZKIW1U8", "ap-southeast-1": "ZL327KTPIQFUL",
    "ap-southeast-2": "Z2RPCDW04V8134",
}  # fmt: skip


def hosted_zone(region: str) -> str:
    """The zone of a region's endpoints, for alias records.
    https://docs.aws.amazon.com/general/latest/gr/apigateway.html"""
    return _ZONES.get(region, _ZONES["us-east-1"])


def is_edge_optimised(tx: Transaction, scope: Scope, api_id: str) -> bool:
    """Whether CloudFront is in front of a REST API of that account and region."""
    api = APIS.get(tx, scope, api_id)
    return api is not None and "EDGE" in api.settings.get("endpointConfiguration", {}).get("types", ())
