"""Which resources of which services have tags: how a service lists them, and how it shows, adds and removes their tags.

A source is data about public operations, nothing more. Tags come as lists of Key and Value, of key and value, of
TagKey and TagValue, or as maps; `parse_tags` reads all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from mrak.auth.principals import root_of
from mrak.core.arn import arn
from mrak.core.context import Context
from mrak.core.errors import ApiError
from mrak.core.scope import Scope

Item = Any
_MOST_PAGES = 1000


class Source(NamedTuple):
    """`kind` is what ResourceTypeFilters name. `arn_of` makes the ARN of a listed item, `name_of` what the service's
    tag operations call a resource by its ARN. Where `show` is "", items have their tags with them, in `tags_member`.
    """

    kind: str
    service: str
    list_operation: str
    items_member: str
    arn_of: Callable[[Scope, Item], str]
    named_by: str = ""
    name_of: Callable[[str], str] = str
    show: str = ""
    tags_member: str = "Tags"
    add: str = ""
    remove: str = ""
    keys_member: str = "TagKeys"
    style: str = "list"
    next_in: str = "NextToken"
    next_out: str = "NextToken"
    more: dict[str, Any] = {}
    added_member: str = "Tags"
    inside: str = ""
    """The member of the list's answer that has items and token."""
    home: str = ""
    """The only region that shows them, where they belong to none."""


def _member(name: str) -> Callable[[Scope, Item], str]:
    return lambda scope, item: str(item[name])


def _last(text: str) -> str:
    return text.rpartition(":")[2]


def _queue_arn(scope: Scope, url: Item) -> str:
    return arn(scope, "sqs", str(url).rpartition("/")[2])


def _queue_url(queue_arn: str) -> str:
    parts = queue_arn.split(":")
    return f"/{parts[4]}/{parts[5]}"


_GLOBAL = "us-east-1"
_STANDARD: dict[str, Any] = {"add": "TagResource", "remove": "UntagResource"}
_LISTED: dict[str, Any] = {**_STANDARD, "show": "ListTagsForResource"}

SOURCES: tuple[Source, ...] = (
    Source("acm:certificate", "acm", "ListCertificates", "CertificateSummaryList", _member("CertificateArn"),
           "ResourceArn", **_LISTED),
    Source("apigateway:restapis", "apigateway", "GetRestApis", "items",
           lambda scope, item: f"arn:{scope.partition}:apigateway:{scope.region}::/restapis/{item['id']}",
           "resourceArn", tags_member="tags", added_member="tags", keys_member="tagKeys", style="map",
           next_in="position", next_out="position", **_STANDARD),
    Source("apigateway:apis", "apigatewayv2", "GetApis", "Items",
           lambda scope, item: f"arn:{scope.partition}:apigateway:{scope.region}::/apis/{item['ApiId']}",
           "ResourceArn", style="map", **_STANDARD),
    Source("cloudfront:distribution", "cloudfront", "ListDistributions", "Items", _member("ARN"), "Resource",
           style="cloudfront", next_in="Marker", next_out="NextMarker", inside="DistributionList", home=_GLOBAL,
           **_LISTED),
    Source("cloudfront:function", "cloudfront", "ListFunctions", "Items",
           lambda scope, item: str(item["FunctionMetadata"]["FunctionARN"]), "Resource", style="cloudfront",
           next_in="Marker", next_out="NextMarker", inside="FunctionList", home=_GLOBAL, **_LISTED),
    Source("cloudfront:key-value-store", "cloudfront", "ListKeyValueStores", "Items", _member("ARN"), "Resource",
           style="cloudfront", next_in="Marker", next_out="NextMarker", inside="KeyValueStoreList", home=_GLOBAL,
           **_LISTED),
    Source("cloudformation:stack", "cloudformation", "DescribeStacks", "Stacks", _member("StackId")),
    Source("cloudwatch:alarm", "cloudwatch", "DescribeAlarms", "MetricAlarms", _member("AlarmArn"), "ResourceARN",
           **_LISTED),
    Source("cognito-idp:userpool", "cognito-idp", "ListUserPools", "UserPools",
           lambda scope, item: arn(scope, "cognito-idp", f"userpool/{item['Id']}"), "ResourceArn", style="map",
           more={"MaxResults": 60}, **_LISTED),
    Source("dynamodb:table", "dynamodb", "ListTables", "TableNames",
           lambda scope, name: arn(scope, "dynamodb", f"table/{name}"), "ResourceArn", show="ListTagsOfResource",
           next_in="ExclusiveStartTableName", next_out="LastEvaluatedTableName", **_STANDARD),
    Source("events:event-bus", "events", "ListEventBuses", "EventBuses", _member("Arn"), "ResourceARN", **_LISTED),
    Source("events:rule", "events", "ListRules", "Rules", _member("Arn"), "ResourceARN", **_LISTED),
    Source("kinesis:stream", "kinesis", "ListStreams", "StreamSummaries", _member("StreamARN"), "ResourceARN",
           style="map", **_LISTED),
    Source("kms:key", "kms", "ListKeys", "Keys", _member("KeyArn"), "KeyId", show="ListResourceTags", style="kms",
           next_in="Marker", next_out="NextMarker", **_STANDARD),
    Source("lambda:function", "lambda", "ListFunctions", "Functions", _member("FunctionArn"), "Resource",
           show="ListTags", style="map", next_in="Marker", next_out="NextMarker", **_STANDARD),
    Source("logs:log-group", "logs", "DescribeLogGroups", "logGroups", _member("logGroupArn"), "resourceArn",
           tags_member="tags", added_member="tags", keys_member="tagKeys", style="map", next_in="nextToken",
           next_out="nextToken", **_LISTED),
    Source("s3:bucket", "s3", "ListBuckets", "Buckets",
           lambda scope, item: f"arn:{scope.partition}:s3:::{item['Name']}", "Bucket", _last,
           show="GetBucketTagging", tags_member="TagSet", add="PutBucketTagging", style="bucket",
           next_in="ContinuationToken", next_out="ContinuationToken"),
    Source("secretsmanager:secret", "secretsmanager", "ListSecrets", "SecretList", _member("ARN"), "SecretId",
           **_STANDARD),
    Source("sns:topic", "sns", "ListTopics", "Topics", _member("TopicArn"), "ResourceArn", **_LISTED),
    Source("sqs:queue", "sqs", "ListQueues", "QueueUrls", _queue_arn, "QueueUrl", _queue_url, show="ListQueueTags",
           add="TagQueue", remove="UntagQueue", style="map"),
    Source("ssm:parameter", "ssm", "DescribeParameters", "Parameters", _member("ARN"), "ResourceId",
           lambda text: "/" + text.partition("/")[2] if text.count("/") > 1 else text.rpartition("/")[2],
           show="ListTagsForResource", tags_member="TagList", add="AddTagsToResource",
           remove="RemoveTagsFromResource"),
    Source("states:stateMachine", "stepfunctions", "ListStateMachines", "stateMachines",
           _member("stateMachineArn"), "resourceArn", tags_member="tags", added_member="tags", keys_member="tagKeys",
           style="lower", next_in="nextToken", next_out="nextToken", **_LISTED),
)  # fmt: skip
_PARAMETER = {"ResourceType": "Parameter"}


def parse_tags(tags: Any) -> dict[str, str]:
    """Tags in any service's spelling."""
    if isinstance(tags, dict):
        return {str(name): str(value) for name, value in tags.items()}
    found = {}
    for tag in tags or []:
        name = next(tag[key] for key in ("Key", "key", "TagKey") if key in tag)
        found[str(name)] = str(next((tag[key] for key in ("Value", "value", "TagValue") if key in tag), ""))
    return found


def _rendered(source: Source, tags: dict[str, str]) -> Any:
    if source.style == "map":
        return tags
    if source.style == "cloudfront":
        return {"Items": [{"Key": name, "Value": text} for name, text in tags.items()]}
    key, value = {"kms": ("TagKey", "TagValue"), "lower": ("key", "value")}.get(source.style, ("Key", "Value"))
    return [{key: name, value: text} for name, text in tags.items()]


def chosen(filters: list[str]) -> list[Source]:
    """The sources that ResourceTypeFilters leave: `sqs`, or `sqs:queue`."""
    if not filters:
        return list(SOURCES)
    return [source for source in SOURCES if source.kind in filters or source.kind.partition(":")[0] in filters]


def source_of(resource_arn: str) -> Source | None:
    """The source that an ARN is of."""
    parts = resource_arn.split(":", 5)
    if len(parts) < 6:
        return None
    for source in SOURCES:
        service, _, kind = source.kind.partition(":")
        if service == parts[2] and (kind in parts[5] or service in ("sqs", "sns", "s3")):
            return source
    return None


async def _read(ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """Who may ask for tags needs no permission from the services that have them; who changes tags does."""
    return await ctx.call(service, operation, params, principal=root_of(ctx.scope.account, ctx.scope.partition))


async def resources(ctx: Context, source: Source) -> AsyncIterator[tuple[str, Item]]:
    """(ARN, item) of all that a source has."""
    if source.home not in ("", ctx.scope.region):
        return
    asked: dict[str, Any] = dict(source.more)
    for _ in range(_MOST_PAGES):
        answer = await _read(ctx, source.service, source.list_operation, asked)
        answer = answer[source.inside] if source.inside else answer
        for item in answer.get(source.items_member, []):
            yield source.arn_of(ctx.scope, item), item
        token = answer.get(source.next_out)
        if not token:
            return
        asked = {**source.more, source.next_in: token}


def _named(source: Source, resource_arn: str) -> dict[str, Any]:
    named = {source.named_by: source.name_of(resource_arn)}
    return named | _PARAMETER if source.service == "ssm" else named


async def tags_of(ctx: Context, source: Source, resource_arn: str, item: Item) -> dict[str, str]:
    if not source.show:
        return parse_tags(item.get(source.tags_member))
    try:
        answer = await _read(ctx, source.service, source.show, _named(source, resource_arn))
    except ApiError as error:
        # A bucket without tags says so by an error; what was deleted since it was listed has none.
        if error.status < 500:
            return {}
        raise
    found = answer.get(source.tags_member)
    return parse_tags(found["Items"] if source.style == "cloudfront" and found else found)


async def tag(ctx: Context, source: Source, resource_arn: str, tags: dict[str, str]) -> None:
    if source.style == "bucket":
        await _set_bucket(ctx, source, resource_arn, (await tags_of(ctx, source, resource_arn, None)) | tags)
        return
    asked = _named(source, resource_arn) | {source.added_member: _rendered(source, tags)}
    await ctx.call(source.service, source.add, asked)


async def untag(ctx: Context, source: Source, resource_arn: str, keys: list[str]) -> None:
    if source.style == "bucket":
        left = await tags_of(ctx, source, resource_arn, None)
        kept = {name: value for name, value in left.items() if name not in keys}
        await _set_bucket(ctx, source, resource_arn, kept)
        return
    wanted = {"Items": keys} if source.style == "cloudfront" else keys
    await ctx.call(source.service, source.remove, _named(source, resource_arn) | {source.keys_member: wanted})


async def _set_bucket(ctx: Context, source: Source, resource_arn: str, tags: dict[str, str]) -> None:
    """A bucket's tags are one document, which is written anew."""
    named = _named(source, resource_arn)
    if not tags:
        await ctx.call("s3", "DeleteBucketTagging", named)
        return
    await ctx.call("s3", source.add, named | {"Tagging": {"TagSet": _rendered(source, tags)}})
