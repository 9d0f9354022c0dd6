"""AWS services behind a method: the URI names service and action, template and parameters make the request, and the
service's own wire format comes back.

    arn:aws:apigateway:us-east-1:sqs:path/000000000000/orders
    arn:aws:apigateway:us-east-1:dynamodb:action/PutItem

https://docs.aws.amazon.com/apigateway/latest/api/API_Integration.html
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from mrak.core.errors import ApiError, NotBuilt
from mrak.core.http import Reply, Request, Response
from mrak.protocol.codec import codec
from mrak.services.apigateway.plane.call import Call
from mrak.services.apigateway.plane.failures import internal_error
from mrak.services.apigatewayv2.exports import role_session

URI = re.compile(r"arn:[a-z-]+:apigateway:([a-z0-9-]+):(?:[^:/]+\.)?([a-z0-9-]+):(path|action)/(.*)", re.DOTALL)
# Names in URIs that are not botocore's.
_SERVICES = {"states": "stepfunctions", "monitoring": "cloudwatch", "streams.dynamodb": "dynamodbstreams"}
_FORM = "application/x-www-form-urlencoded"


async def call_service(call: Call, uri: str, method: str, mapped: dict[str, dict[str, str]], body: bytes) -> Reply:
    """The service's reply, also where it refuses."""
    found = URI.fullmatch(uri)
    if found is None:
        raise internal_error()
    region, name, sort, target = found.groups()
    service = _SERVICES.get(name, name)
    headers = {key.lower(): value for key, value in mapped["header"].items()}
    headers.setdefault("content-type", "application/json")
    request, protocol, operation = _request(service, sort, target, method, (headers, mapped["querystring"], body))
    try:
        plan = codec(service, protocol)
    except KeyError:
        raise NotBuilt(service, target) from None
    operation = operation or plan.operation_name(request) or ""
    try:
        params = plan.decode(operation, request)
        answer = await call.ctx.call(
            service,
            operation,
            params,
            scope=call.ctx.scope.in_region(region),
            principal=await role_session(call.ctx, call.integration.get("credentials", "")),
        )
        response = plan.encode(operation, answer, call.ctx.request_id)
    except NotBuilt:
        raise
    except ApiError as error:
        response = plan.encode_error(operation or None, error, call.ctx.request_id)
    return _reply(response)


def _request(
    service: str, sort: str, target: str, method: str, content: tuple[dict[str, str], dict[str, str], bytes]
) -> tuple[Request, str | None, str]:
    """(request as the service's codec reads it, protocol, operation where the URI names it)."""
    headers, query, body = content
    text = urlencode(query)
    # API Gateway accepts JSON, in which services answer forms as well; unless the integration asks for XML.
    form_protocol = "query" if "xml" in headers.get("accept", "") else "query-json"
    if sort == "action":
        prefix = _target_prefix(service)
        # Parameters without a body make a form, also for what speaks JSON (recorded: test_ssm_aws_integration).
        if prefix and (body or not query):
            # Services that speak JSON name the operation in a header.
            headers = headers | {"x-amz-target": f"{prefix}.{target}", "content-type": "application/x-amz-json-1.0"}
            return Request("POST", "/", text, headers, body), "json", target
        form = urlencode({"Action": target, **query}).encode()
        return Request("POST", "/", "", {"content-type": _FORM}, form), form_protocol, target
    path = f"/{target}"
    is_form = headers["content-type"].startswith(_FORM) or "Action" in query
    if "x-amz-target" in headers:
        return Request("POST", path, text, headers, body), "json", ""
    if service in ("sqs", "sns") and is_form:
        given = body.decode("utf-8", "replace") if headers["content-type"].startswith(_FORM) else ""
        fields = "&".join(part for part in (given, text) if part)
        if service == "sqs" and "QueueUrl=" not in fields:
            fields += "&" + urlencode({"QueueUrl": f"http://localhost{path}"})
        return Request("POST", path, "", headers | {"content-type": _FORM}, fields.encode()), form_protocol, ""
    return Request(method, path, text, headers, body), None, ""


def _target_prefix(service: str) -> str:
    from mrak.protocol import model

    row: dict[str, Any] = model.directory().get(service, {})
    return str(row.get("targetPrefix", "")) if "json" in row.get("protocols", ("json",)) else ""


def _reply(response: Response) -> Reply:
    assert isinstance(response.body, bytes)
    return Reply(response.status, [(name.lower(), value) for name, value in response.headers], response.body)
