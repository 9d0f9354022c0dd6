"""Operations on vended logs: which service's resource writes its logs where.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html

A source names a resource, a destination a place, and a delivery joins them. The service that owns the resource looks
its deliveries up (`exports.deliveries_of`) and writes them.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from mrak.core.arn import arn, find_arn
from mrak.core.context import Context, Transaction
from mrak.core.operation import operation
from mrak.core.scope import Scope
from mrak.services.logs import errors, names
from mrak.services.logs.tables import (
    DELIVERIES,
    DELIVERIES_BY_SOURCE,
    DELIVERY_DESTINATIONS,
    DELIVERY_SOURCES,
    DeliveryDestination,
    DeliverySource,
    VendedDelivery,
)

# The columns of CloudFront's access logs where a delivery names none.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html
_CLOUDFRONT_FIELDS = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status"),
    *("cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id"),
    *("x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher"),
    *("x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port"),
    *("time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start"),
    "sc-range-end",
)
_FIELDS: dict[str, tuple[str, ...]] = {"cloudfront": _CLOUDFRONT_FIELDS}
_SUFFIX_PATHS = {"cloudfront": "AWSLogs/{account-id}/CloudFront/"}
# Services whose logs AWS delivers otherwise, or not at all.
_NO_SOURCES = ("s3", "sqs", "sns", "dynamodb", "iam", "logs", "kms")
_KINDS = {"s3": "S3", "logs": "CWL", "firehose": "FH"}
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ARN_NAME = re.compile(r":delivery-destination:([\w-]{1,60})$")


# Sources ----------------------------------------------------------------------------------------------------------


@operation("PutDeliverySource")
def put_delivery_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = find_arn(req["resourceArn"])
    if resource is None:
        raise errors.validation("The resource ARN is invalid.")
    if resource.service in _NO_SOURCES:
        raise errors.not_found("Cannot access provided service for delivery.")
    existing = DELIVERY_SOURCES.open(tx, ctx.scope, req["name"])
    if existing is not None and existing.resource_arn != req["resourceArn"]:
        raise errors.conflict("The resource of an existing delivery source can't be changed.")
    fresh = DeliverySource(
        name=req["name"],
        resource_arn=req["resourceArn"],
        log_type=req["logType"],
        tags=req.get("tags", {}) if existing is None else existing.tags,
    )
    if existing is None:
        DELIVERY_SOURCES.insert(tx, ctx.scope, fresh)
    else:
        DELIVERY_SOURCES.replace(tx, ctx.scope, existing, fresh)
    return {"deliverySource": _render_source(ctx.scope, fresh)}


@operation("GetDeliverySource")
def get_delivery_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"deliverySource": _render_source(ctx.scope, _require_source(tx, ctx.scope, req["name"]))}


@operation("DescribeDeliverySources")
def describe_delivery_sources(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req.get("resourceArns", [])
    rows = DELIVERY_SOURCES.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (row for row in rows if not wanted or row.resource_arn in wanted)
    return names.page_of(
        req, "deliverySources", matching, lambda row: row.name, lambda row: _render_source(ctx.scope, row)
    )


@operation("DeleteDeliverySource")
def delete_delivery_source(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    DELIVERY_SOURCES.lock(tx, ctx.scope, req["name"])
    row = _require_source(tx, ctx.scope, req["name"])
    if DELIVERIES_BY_SOURCE.count(tx, ctx.scope, row.name):
        raise errors.conflict("The delivery source is used by a delivery. Delete that first.")
    DELIVERY_SOURCES.delete(tx, ctx.scope, row)


def _require_source(tx: Transaction, scope: Scope, name: str) -> DeliverySource:
    row = DELIVERY_SOURCES.get(tx, scope, name)
    if row is None:
        raise errors.vended_not_found("Delivery Source")
    return row


def _render_source(scope: Scope, row: DeliverySource) -> dict[str, Any]:
    shown = {
        "name": row.name,
        "arn": arn(scope, "logs", f"delivery-source:{row.name}"),
        "resourceArns": [row.resource_arn],
        "service": _service(row),
        "logType": row.log_type,
    }
    return shown | ({"tags": row.tags} if row.tags else {})


def _service(row: DeliverySource) -> str:
    return row.resource_arn.split(":")[2]


# Destinations -----------------------------------------------------------------------------------------------------


@operation("PutDeliveryDestination")
def put_delivery_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    resource = req.get("deliveryDestinationConfiguration", {}).get("destinationResourceArn", "")
    parsed = find_arn(resource)
    if resource and parsed is None:
        raise errors.validation("The destination resource ARN is invalid.")
    existing = DELIVERY_DESTINATIONS.open(tx, ctx.scope, req["name"])
    kind = _KINDS.get(parsed.service, "") if parsed else req.get("deliveryDestinationType", "")
    if not kind:
        raise errors.validation("A delivery destination needs a resource or a type.")
    if existing is not None and existing.kind != kind:
        raise errors.conflict("The type of an existing delivery destination can't be changed.")
    fresh = DeliveryDestination(
        name=req["name"],
        kind=kind,
        resource_arn=resource,
        output_format=req.get("outputFormat", "" if existing is None else existing.output_format),
        policy="" if existing is None else existing.policy,
        tags=req.get("tags", {}) if existing is None else existing.tags,
    )
    if existing is None:
        DELIVERY_DESTINATIONS.insert(tx, ctx.scope, fresh)
    else:
        DELIVERY_DESTINATIONS.replace(tx, ctx.scope, existing, fresh)
    return {"deliveryDestination": _render_destination(ctx.scope, fresh)}


@operation("GetDeliveryDestination")
def get_delivery_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    return {"deliveryDestination": _render_destination(ctx.scope, _require_destination(tx, ctx.scope, req["name"]))}


@operation("DescribeDeliveryDestinations")
def describe_delivery_destinations(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req.get("names", [])
    rows = DELIVERY_DESTINATIONS.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (row for row in rows if not wanted or row.name in wanted)
    return names.page_of(
        req, "deliveryDestinations", matching, lambda row: row.name, lambda row: _render_destination(ctx.scope, row)
    )


@operation("DeleteDeliveryDestination")
def delete_delivery_destination(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_destination(tx, ctx.scope, req["name"])
    target = _destination_arn(ctx.scope, row.name)
    if any(delivery.destination_arn == target for delivery in DELIVERIES.scan(tx, ctx.scope)):
        raise errors.conflict("The delivery destination is used by a delivery. Delete that first.")
    DELIVERY_DESTINATIONS.delete(tx, ctx.scope, row)


@operation("PutDeliveryDestinationPolicy")
def put_delivery_destination_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = _open_destination(tx, ctx.scope, req["deliveryDestinationName"])
    policy = req["deliveryDestinationPolicy"]
    DELIVERY_DESTINATIONS.replace(tx, ctx.scope, row, msgspec.structs.replace(row, policy=policy))
    return {"policy": {"deliveryDestinationPolicy": policy}}


@operation("GetDeliveryDestinationPolicy")
def get_delivery_destination_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = _require_destination(tx, ctx.scope, req["deliveryDestinationName"])
    return {"policy": {"deliveryDestinationPolicy": row.policy} if row.policy else {}}


@operation("DeleteDeliveryDestinationPolicy")
def delete_delivery_destination_policy(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_destination(tx, ctx.scope, req["deliveryDestinationName"])
    DELIVERY_DESTINATIONS.replace(tx, ctx.scope, row, msgspec.structs.replace(row, policy=""))


def _require_destination(tx: Transaction, scope: Scope, name: str) -> DeliveryDestination:
    row = DELIVERY_DESTINATIONS.get(tx, scope, name)
    if row is None:
        raise errors.vended_not_found("Delivery Destination")
    return row


def _open_destination(tx: Transaction, scope: Scope, name: str) -> DeliveryDestination:
    DELIVERY_DESTINATIONS.lock(tx, scope, name)
    return _require_destination(tx, scope, name)


def _destination_arn(scope: Scope, name: str) -> str:
    return arn(scope, "logs", f"delivery-destination:{name}")


def _render_destination(scope: Scope, row: DeliveryDestination) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": row.name,
        "arn": _destination_arn(scope, row.name),
        "deliveryDestinationType": row.kind,
    }
    if row.resource_arn:
        shown["deliveryDestinationConfiguration"] = {"destinationResourceArn": row.resource_arn}
    if row.output_format:
        shown["outputFormat"] = row.output_format
    return shown | ({"tags": row.tags} if row.tags else {})


# Deliveries -------------------------------------------------------------------------------------------------------


@operation("CreateDelivery")
def create_delivery(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    source = _require_source(tx, ctx.scope, req["deliverySourceName"])
    found = _ARN_NAME.search(req["deliveryDestinationArn"])
    if found is None:
        raise errors.validation("The delivery destination ARN is invalid.")
    destination = _require_destination(tx, ctx.scope, found[1])
    target = _destination_arn(ctx.scope, destination.name)
    if any(row.destination_arn == target for row in DELIVERIES_BY_SOURCE.scan(tx, ctx.scope, source.name)):
        raise errors.conflict("There is a delivery from this source to this destination already.")
    s3, service = req.get("s3DeliveryConfiguration", {}), _service(source)
    row = VendedDelivery(
        id=ctx.draw.alphanumeric(16, _ID_ALPHABET),
        source=source.name,
        destination_arn=target,
        kind=destination.kind,
        fields=tuple(req.get("recordFields") or _FIELDS.get(service, ())),
        delimiter=req.get("fieldDelimiter", ""),
        suffix_path=s3.get("suffixPath", _SUFFIX_PATHS.get(service, "")) if destination.kind == "S3" else "",
        is_hive_compatible=s3.get("enableHiveCompatiblePath", False),
        tags=req.get("tags", {}),
    )
    DELIVERIES.lock(tx, ctx.scope, row.id)
    DELIVERIES.insert(tx, ctx.scope, row)
    return {"delivery": _render_delivery(ctx.scope, row)}


@operation("GetDelivery")
def get_delivery(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    row = DELIVERIES.get(tx, ctx.scope, req["id"])
    if row is None:
        raise errors.vended_not_found("Delivery")
    return {"delivery": _render_delivery(ctx.scope, row)}


@operation("DescribeDeliveries")
def describe_deliveries(ctx: Context, tx: Transaction, req: dict[str, Any]) -> dict[str, Any]:
    wanted = req.get("deliverySourceNames", [])
    rows = DELIVERIES.scan(tx, ctx.scope, after=names.token_position(req))
    matching = (row for row in rows if not wanted or row.source in wanted)
    return names.page_of(req, "deliveries", matching, lambda row: row.id, lambda row: _render_delivery(ctx.scope, row))


@operation("UpdateDeliveryConfiguration")
def update_delivery_configuration(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    row = _open_delivery(ctx, tx, req)
    s3 = req.get("s3DeliveryConfiguration", {})
    changed = msgspec.structs.replace(
        row,
        fields=tuple(req.get("recordFields", row.fields)),
        delimiter=req.get("fieldDelimiter", row.delimiter),
        suffix_path=s3.get("suffixPath", row.suffix_path),
        is_hive_compatible=s3.get("enableHiveCompatiblePath", row.is_hive_compatible),
    )
    DELIVERIES.replace(tx, ctx.scope, row, changed)


@operation("DeleteDelivery")
def delete_delivery(ctx: Context, tx: Transaction, req: dict[str, Any]) -> None:
    DELIVERIES.delete(tx, ctx.scope, _open_delivery(ctx, tx, req))


def _open_delivery(ctx: Context, tx: Transaction, req: dict[str, Any]) -> VendedDelivery:
    row = DELIVERIES.open(tx, ctx.scope, req["id"])
    if row is None:
        raise errors.vended_not_found("Delivery")
    return row


def _render_delivery(scope: Scope, row: VendedDelivery) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": row.id,
        "arn": arn(scope, "logs", f"delivery:{row.id}"),
        "deliverySourceName": row.source,
        "deliveryDestinationArn": row.destination_arn,
        "deliveryDestinationType": row.kind,
    }
    if row.fields:
        shown["recordFields"] = list(row.fields)
    if row.delimiter:
        shown["fieldDelimiter"] = row.delimiter
    if row.kind == "S3":
        shown["s3DeliveryConfiguration"] = {
            "suffixPath": row.suffix_path,
            "enableHiveCompatiblePath": row.is_hive_compatible,
        }
    return shown | ({"tags": row.tags} if row.tags else {})
