"""REST APIs as boto3 manages them: each resource's life and each error, as recorded from AWS."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.conftest import error_of

RESOURCE = "Invalid Resource identifier specified"
FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:f/invocations"
)


def bad(message: str) -> tuple[str, str, int]:
    return "BadRequestException", message, 400


def missing(message: str) -> tuple[str, str, int]:
    return "NotFoundException", message, 404


def conflict(message: str) -> tuple[str, str, int]:
    return "ConflictException", message, 409


def patch(op: str, path: str, value: str | None = None) -> list[dict[str, str]]:
    made = {"op": op, "path": path}
    return [made if value is None else made | {"value": value}]


def bare(answer: dict[str, Any], *volatile: str) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", *volatile)}


@pytest.fixture(scope="module")
def gateway(sandbox: Any) -> Any:
    return sandbox.client("apigateway")


@pytest.fixture
def api(gateway: Any) -> dict[str, Any]:
    made: dict[str, Any] = gateway.create_rest_api(name=f"a{uuid.uuid4().hex[:8]}", description="d")
    return made


@pytest.fixture
def where(gateway: Any, api: dict[str, Any]) -> dict[str, str]:
    """A method with a mock integration at the root."""
    place = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "ANY"}
    gateway.put_method(**place, authorizationType="NONE", apiKeyRequired=True)
    gateway.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    return place


def test_an_api_has_aws_defaults(gateway: Any, sandbox: Any) -> None:
    """EDGE by default, ipv4, HEADER as key source; a private one is dual-stack."""
    made = gateway.create_rest_api(name="n")
    assert bare(made, "id", "createdDate", "rootResourceId") == {
        "name": "n",
        "apiKeySource": "HEADER",
        "disableExecuteApiEndpoint": False,
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
    }
    private = gateway.create_rest_api(name="n", endpointConfiguration={"types": ["PRIVATE"]})
    assert private["endpointConfiguration"] == {"types": ["PRIVATE"], "ipAddressType": "dualstack"}
    assert bare(gateway.get_rest_api(restApiId=made["id"])) == bare(made)
    gone = made["id"].upper()
    expected = missing(f"Invalid API identifier specified {sandbox.account}:{gone}")
    assert error_of(gateway.get_rest_api, restApiId=gone) == expected
    gateway.delete_rest_api(restApiId=made["id"])
    assert error_of(gateway.get_rest_api, restApiId=made["id"])[2] == 404
    assert error_of(gateway.create_rest_api, name=" ")[0] == "BadRequestException"


def test_an_api_changes(gateway: Any, api: dict[str, Any]) -> None:
    """Members of lists are added, replaced and removed by path, slashes as ~1; tags are shown from then on."""
    operations = patch("add", "/binaryMediaTypes/image~1png") + patch("add", "/binaryMediaTypes/image~1jpeg")
    changed = gateway.update_rest_api(restApiId=api["id"], patchOperations=operations)
    assert (changed["binaryMediaTypes"], changed["tags"]) == (["image/png", "image/jpeg"], {})
    operations = patch("replace", "/binaryMediaTypes/image~1png", "image/gif")
    assert gateway.update_rest_api(restApiId=api["id"], patchOperations=operations)["binaryMediaTypes"] == [
        "image/jpeg",
        "image/gif",
    ]
    operations = patch("remove", "/binaryMediaTypes/image~1gif") + patch("remove", "/description")
    changed = gateway.update_rest_api(restApiId=api["id"], patchOperations=operations)
    assert changed["binaryMediaTypes"] == ["image/jpeg"]
    operations = patch("replace", "/endpointConfiguration/types/EDGE", "REGIONAL")
    changed = gateway.update_rest_api(restApiId=api["id"], patchOperations=operations)
    assert changed["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert "description" not in changed
    code, message, status = error_of(
        gateway.update_rest_api, restApiId=api["id"], patchOperations=patch("wrong", "/name", "x")
    )
    assert (code, status) == ("ValidationException", 400)
    assert "Member must satisfy enum value set: [add, remove, move, test, replace, copy]" in message


def test_what_apis_refuse(gateway: Any, api: dict[str, Any]) -> None:
    """Settings of a whole API, each with AWS's words; an empty list is none."""
    size = bad("Invalid minimum compression size, must be between 0 and 10485760")
    private = bad("Only dualstack ipAddressType is supported for Private APIs.")
    for refused, given in (
        (bad("Description cannot be an empty string"), {"description": ""}),
        (size, {"minimumCompressionSize": -1}),
        (bad("Cannot create an api with multiple Endpoint Types."), endpoint(types=["EDGE", "REGIONAL"])),
        (private, endpoint(types=["PRIVATE"], ipAddressType="ipv4")),
        (
            bad("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED."),
            endpoint(types=[]),
        ),
    ):
        assert error_of(gateway.create_rest_api, name="n", **given) == refused
    assert "binaryMediaTypes" not in gateway.create_rest_api(name="n", binaryMediaTypes=[])
    only_replace = bad("Invalid patch operation specified. Must be one of: [replace]")
    for refused, operations in (
        (size, patch("replace", "/minimumCompressionSize", "-1")),
        (size, patch("replace", "/minimumCompressionSize", "x")),
        (only_replace, patch("add", "/minimumCompressionSize", "10")),
        (bad("Invalid patch path /binaryMediaTypes"), patch("add", "/binaryMediaTypes", "image/gif")),
        (only_replace, patch("add", "/endpointConfiguration/ipAddressType", "ipv4")),
        (
            bad("ipAddressType must be either ipv4 or dualstack."),
            patch("replace", "/endpointConfiguration/ipAddressType", "x"),
        ),
        (
            bad("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"),
            patch("replace", "/endpointConfiguration/types/EDGE", "x"),
        ),
        (
            bad("Invalid patch operation specified. Must be 'add'|'remove'|'replace'"),
            patch("add", "/endpointConfiguration/types/EDGE", "REGIONAL"),
        ),
        (
            private,
            patch("replace", "/endpointConfiguration/types/EDGE", "PRIVATE")
            + patch("replace", "/endpointConfiguration/ipAddressType", "ipv4"),
        ),
    ):
        assert error_of(gateway.update_rest_api, restApiId=api["id"], patchOperations=operations) == refused
    change = {"restApiId": api["id"]}
    set_10 = patch("replace", "/minimumCompressionSize", "10")
    assert gateway.update_rest_api(**change, patchOperations=set_10)["minimumCompressionSize"] == 10
    unset = patch("replace", "/minimumCompressionSize", "")
    assert "minimumCompressionSize" not in gateway.update_rest_api(**change, patchOperations=unset)
    same = {"method.request.querystring.a": False, "method.request.header.a": False}
    method = {"resourceId": api["rootResourceId"], "httpMethod": "GET", "authorizationType": "NONE"}
    assert error_of(gateway.put_method, **change, **method, requestParameters=same) == bad(
        "Parameter names must be unique across querystring, header and path"
    )


def endpoint(**configuration: Any) -> dict[str, Any]:
    return {"endpointConfiguration": configuration}


def test_apis_are_listed_and_tagged(fresh_sandbox: Any) -> None:
    """Pages by position; tags by ARN."""
    gateway = fresh_sandbox.client("apigateway")
    made = {gateway.create_rest_api(name=f"n{at}", tags={"a": "1"})["id"] for at in range(3)}
    first = gateway.get_rest_apis(limit=2)
    second = gateway.get_rest_apis(limit=2, position=first["position"])
    assert {api["id"] for api in first["items"] + second["items"]} == made
    assert "position" not in second
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{next(iter(made))}"
    gateway.tag_resource(resourceArn=arn, tags={"b": "2"})
    gateway.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert gateway.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    assert error_of(gateway.get_tags, resourceArn="arn:aws:apigateway:us-east-1::/none/x")[2] == 400
    assert error_of(gateway.tag_resource, resourceArn=arn, tags={"aws:x": "1"})[2] == 400


def test_the_life_of_resources(gateway: Any, api: dict[str, Any]) -> None:
    """Paths follow their parents; what is below goes along."""
    api_id, root = api["id"], api["rootResourceId"]
    pets = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="pets")
    assert bare(pets, "id") == {"parentId": root, "path": "/pets", "pathPart": "pets"}
    below = gateway.create_resource(restApiId=api_id, parentId=pets["id"], pathPart="below")
    update = {"restApiId": api_id, "resourceId": pets["id"]}
    assert gateway.update_resource(**update, patchOperations=patch("replace", "/pathPart", "dogs"))["path"] == "/dogs"
    paths = [row["path"] for row in gateway.get_resources(restApiId=api_id)["items"]]
    assert paths == ["/", "/dogs", "/dogs/below"]
    moved = {"restApiId": api_id, "resourceId": below["id"]}
    assert gateway.update_resource(**moved, patchOperations=patch("replace", "/parentId", root))["path"] == "/below"
    gateway.delete_resource(**update)
    assert error_of(gateway.get_resource, **update) == missing(RESOURCE)
    assert error_of(gateway.delete_resource, restApiId=api_id, resourceId=root)[2] == 400


def test_what_resources_refuse(gateway: Any, api: dict[str, Any]) -> None:
    """Names, siblings, greedy variables, cycles, the root: each with AWS's words."""
    api_id, root = api["id"], api["rootResourceId"]

    def create(parent: str, part: str) -> Any:
        return gateway.create_resource(restApiId=api_id, parentId=parent, pathPart=part)

    pets = create(root, "pets")["id"]
    greedy = create(root, "{proxy+}")["id"]
    new = {"restApiId": api_id, "parentId": root}
    assert error_of(gateway.create_resource, **new, pathPart="pets") == conflict(
        "Another resource with the same parent already has this name: pets"
    )
    for part in ("{other+}", "{child}"):
        assert error_of(gateway.create_resource, **new, pathPart=part) == bad(
            "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed"
        )
    assert error_of(gateway.create_resource, **new, pathPart="a b")[0] == "BadRequestException"
    for part in ("static", "{dynamic}"):
        assert error_of(gateway.create_resource, restApiId=api_id, parentId=greedy, pathPart=part) == bad(
            "Cannot create a child of a resource with a greedy path variable: {proxy+}"
        )
    assert error_of(gateway.create_resource, restApiId=api_id, parentId="none", pathPart="x") == missing(RESOURCE)
    child = create(pets, "child")["id"]
    change = {"restApiId": api_id, "resourceId": pets}
    assert error_of(gateway.update_resource, **change, patchOperations=patch("add", "/pathPart", "x")) == bad(
        "Invalid patch path  '/pathPart' specified for op 'add'. Please choose supported operations"
    )
    assert error_of(gateway.update_resource, **change, patchOperations=patch("replace", "/invalid", "x")) == bad(
        "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"
    )
    assert error_of(gateway.update_resource, **change, patchOperations=patch("replace", "/parentId", child)) == bad(
        "Resources cannot be cyclical."
    )
    at_root = {"restApiId": api_id, "resourceId": root}
    for member in ("parentId", "pathPart"):
        assert error_of(gateway.update_resource, **at_root, patchOperations=patch("replace", f"/{member}", "x")) == bad(
            f"Root resource cannot update its {member}."
        )


def test_the_life_of_a_method(gateway: Any, where: dict[str, str]) -> None:
    """PutMethod's answer and what updates refuse."""
    method = gateway.get_method(**where)
    assert (method["apiKeyRequired"], method["authorizationType"], method["httpMethod"]) == (True, "NONE", "ANY")
    assert "requestParameters" not in method
    assert error_of(gateway.put_method, **where, authorizationType="NONE")[:1] == ("ConflictException",)
    update = gateway.update_method
    only = bad("Invalid patch operation specified. Must be one of: [replace]")
    assert error_of(update, **where, patchOperations=patch("add", "/authorizationType", "NONE")) == only
    assert error_of(update, **where, patchOperations=patch("replace", "/httpMethod", "GET")) == bad(
        "Invalid patch path /httpMethod"
    )
    assert error_of(update, **where, patchOperations=patch("replace", "/requestValidatorId", "none")) == bad(
        "Invalid Request Validator identifier specified"
    )
    assert error_of(update, **where, patchOperations=patch("replace", "/authorizationType", "CUSTOM")) == bad(
        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a "
        "valid authorizer."
    )
    changed = update(**where, patchOperations=patch("replace", "/apiKeyRequired", "no"))
    assert changed["apiKeyRequired"] is False
    assert error_of(gateway.get_method, **where | {"httpMethod": "GET"}) == missing(
        "Invalid Method identifier specified"
    )
    for wrong in ({"resourceId": "none"}, {"restApiId": "none"}):
        assert error_of(gateway.get_method, **where | wrong) == missing(RESOURCE)
    gateway.delete_method(**where)
    assert error_of(gateway.delete_method, **where)[2] == 404
    verb = where | {"httpMethod": "WRONG"}
    assert error_of(gateway.put_method, **verb, authorizationType="NONE")[2] == 400
    assert error_of(gateway.put_method, **where, authorizationType="WRONG")[2] == 400
    lowered = gateway.put_method(**where | {"httpMethod": "HEAD"}, authorizationType="none")
    assert lowered["authorizationType"] == "NONE", "AWS takes it in any case (recorded: test_put_integration_responses)"


def test_models_in_use_stay(gateway: Any, api: dict[str, Any], where: dict[str, str], sandbox: Any) -> None:
    """Models are found by name; one that a method names can't be deleted."""
    schema = json.dumps({"title": "M", "type": "object"})
    new = {"restApiId": api["id"], "name": "M", "contentType": "application/json"}
    made = gateway.create_model(**new, schema=schema)
    assert bare(made, "id") == {"name": "M", "contentType": "application/json", "schema": schema}
    assert error_of(gateway.create_model, **new, schema=schema) == conflict(
        "Model name already exists for this REST API"
    )
    empty = bad("Model schema must have at least 1 property or array items defined")
    for more in ({}, {"schema": ""}):
        assert error_of(gateway.create_model, **new | {"name": "N"}, **more) == empty
    assert error_of(gateway.create_model, **new | {"name": ""}, schema=schema) == bad("Model name must be non-empty")
    assert error_of(gateway.create_model, **new | {"name": "N"}, schema="{")[2] == 400
    unknown = missing(f"Invalid API identifier specified {sandbox.account}:none")
    assert error_of(gateway.create_model, **new | {"restApiId": "none"}, schema=schema) == unknown
    gateway.update_method(**where, patchOperations=patch("add", "/requestModels/application~1json", "M"))
    assert error_of(gateway.delete_model, restApiId=api["id"], modelName="M") == conflict(
        "Cannot delete model 'M', is referenced in method request: //ANY"
    )
    gateway.update_method(**where, patchOperations=patch("remove", "/requestModels/application~1json"))
    assert "requestModels" not in gateway.get_method(**where)
    gateway.delete_model(restApiId=api["id"], modelName="M")
    assert error_of(gateway.get_model, restApiId=api["id"], modelName="M") == missing("Invalid model name specified: M")
    names = [model["name"] for model in gateway.get_models(restApiId=api["id"])["items"]]
    assert names == ["Empty", "Error"]


def test_integrations(gateway: Any, where: dict[str, str]) -> None:
    """Defaults, patches and responses of an integration; what is not there and what is not allowed."""
    shown = bare(gateway.get_integration(**where), "cacheNamespace")
    assert shown == {
        "type": "MOCK",
        "cacheKeyParameters": [],
        "passthroughBehavior": "WHEN_NO_MATCH",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "timeoutInMillis": 29000,
    }
    http = {"type": "HTTP", "integrationHttpMethod": "POST", "uri": "http://example.com"}
    made = gateway.put_integration(**where, **http)
    assert (made["connectionType"], made["httpMethod"], made["cacheNamespace"]) == (
        "INTERNET",
        "POST",
        where["resourceId"],
    )
    table = "arn:aws:apigateway:us-east-1:dynamodb:action/Query"
    assert error_of(gateway.put_integration, **where, type="AWS_PROXY", integrationHttpMethod="POST", uri=table) == bad(
        "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
    )
    service = {"type": "AWS", "integrationHttpMethod": "POST", "uri": table}
    roleless = bad("Role ARN must be specified for AWS integrations")
    assert error_of(gateway.put_integration, **where, **service) == roleless
    abroad = service | {"credentials": "arn:aws:iam::000000000000:role/r"}
    refused = ("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
    assert error_of(gateway.put_integration, **where, **abroad) == refused
    gateway.put_integration(**where, **service, credentials="arn:aws:iam::*:user/*")
    for wrong in (
        {"type": "HTTP", "uri": "http://example.com"},
        {"type": "HTTP", "uri": "ftp://x", "integrationHttpMethod": "GET"},
        {"type": "AWS", "uri": "arn:aws:lambda:us-east-1:1:function:f", "integrationHttpMethod": "POST"},
        {"type": "AWS", "uri": "x", "integrationHttpMethod": "POST"},
        {"type": "MOCK", "timeoutInMillis": 49},
        {"type": "MOCK", "passthroughBehavior": "SOMETIMES"},
    ):
        assert error_of(gateway.put_integration, **where, **wrong)[::2] == ("BadRequestException", 400)
    assert error_of(gateway.put_integration, **where, type="HTTPS_PROXY")[0] == "ValidationException"
    for wrong, message in (
        ({"resourceId": "none"}, RESOURCE),
        ({"httpMethod": "PUT"}, "Invalid Method identifier specified"),
    ):
        assert error_of(gateway.put_integration, **where | wrong, type="MOCK") == missing(message)
    changed = gateway.update_integration(**where, patchOperations=patch("replace", "/timeoutInMillis", "100"))
    assert changed["timeoutInMillis"] == 100
    gateway.delete_integration(**where)
    assert error_of(gateway.get_integration, **where) == missing("Invalid Integration identifier specified")


def test_responses_of_methods_and_integrations(gateway: Any, where: dict[str, str]) -> None:
    """The two need not be made in any order: clients that AWS serves put the integration's response first."""
    code = missing("Invalid Response status code specified")
    assert bare(gateway.put_integration_response(**where, statusCode="200")) == {"statusCode": "200"}
    assert bare(gateway.put_method_response(**where, statusCode="200")) == {"statusCode": "200"}
    assert error_of(gateway.put_method_response, **where, statusCode="200")[0] == "ConflictException"
    made = gateway.put_integration_response(
        **where, statusCode="200", selectionPattern="", responseTemplates={"a/b": "x"}
    )
    assert bare(made) == {"statusCode": "200", "selectionPattern": "", "responseTemplates": {"a/b": "x"}}
    pattern = patch("replace", "/selectionPattern", "2\\d{2}")
    assert (
        gateway.update_integration_response(**where, statusCode="200", patchOperations=pattern)["selectionPattern"]
        == "2\\d{2}"
    )
    assert gateway.get_method(**where)["methodIntegration"]["integrationResponses"]["200"]["statusCode"] == "200"
    header = patch("add", "/responseParameters/method.response.header.x", "true")
    changed = gateway.update_method_response(**where, statusCode="200", patchOperations=header)
    assert changed["responseParameters"] == {"method.response.header.x": True}
    assert error_of(gateway.get_integration_response, **where, statusCode="404") == code
    wrong = error_of(gateway.get_integration_response, **where, statusCode="wrong")
    assert wrong[0] == "ValidationException" and wrong[1].endswith("regular expression pattern: [1-5]\\d\\d")
    verb = where | {"httpMethod": "PUT"}
    assert error_of(gateway.delete_integration_response, **verb, statusCode="200") == missing(
        "Invalid Integration identifier specified"
    )
    gateway.delete_integration_response(**where, statusCode="200")
    assert "integrationResponses" not in gateway.get_method(**where)["methodIntegration"]
    assert error_of(gateway.delete_integration_response, **where, statusCode="200") == code
    gateway.delete_method_response(**where, statusCode="200")
    assert error_of(gateway.get_method_response, **where, statusCode="200") == code


def test_request_validators(gateway: Any, api: dict[str, Any]) -> None:
    """As recorded, with three different words for an API that is not there."""
    made = gateway.create_request_validator(restApiId=api["id"], name="v")
    assert bare(made, "id") == {"name": "v", "validateRequestBody": False, "validateRequestParameters": False}
    assert error_of(gateway.create_request_validator, restApiId="none", name="v") == bad(
        "Invalid REST API identifier specified"
    )
    unknown = missing("Invalid Request Validator identifier specified")
    assert error_of(gateway.get_request_validators, restApiId="none") == unknown
    where = {"restApiId": api["id"], "requestValidatorId": made["id"]}
    assert error_of(gateway.get_request_validator, **where | {"requestValidatorId": "none"}) == unknown
    update = gateway.update_request_validator
    assert error_of(update, **where, patchOperations=patch("add", "/validateRequestBody", "true")) == bad(
        "Invalid patch path  '/validateRequestBody' specified for op 'add'. Please choose supported operations"
    )
    assert error_of(update, **where, patchOperations=patch("replace", "/invalidPath", "x")) == bad(
        "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: "
        "[/name, /validateRequestParameters, /validateRequestBody]"
    )
    assert error_of(update, **where, patchOperations=patch("replace", "/name", "")) == bad(
        "Request Validator name cannot be blank"
    )
    gateway.delete_request_validator(**where)
    assert error_of(gateway.delete_request_validator, **where) == unknown


def test_authorizers(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """An authorizer that a method names stays."""
    new = {"restApiId": api["id"], "name": "t", "type": "TOKEN", "identitySource": "method.request.header.Auth"}
    made = gateway.create_authorizer(**new, authorizerUri=FUNCTION)
    assert bare(made, "id") == bare(new, "restApiId") | {"authType": "custom", "authorizerUri": FUNCTION}
    assert error_of(gateway.create_authorizer, **new, authorizerUri=FUNCTION)[0] == "ConflictException"
    for wrong in (
        {"authorizerUri": ""},
        {"authorizerUri": FUNCTION, "identitySource": "x"},
        {"authorizerUri": FUNCTION, "authorizerResultTtlInSeconds": 3601},
        {"authorizerUri": FUNCTION, "type": "REQUEST", "identitySource": ""},
        {"type": "COGNITO_USER_POOLS"},
    ):
        assert error_of(gateway.create_authorizer, **new | {"name": "u"} | wrong)[2] == 400
    operations = patch("replace", "/authorizerId", made["id"]) + patch("replace", "/authorizationType", "CUSTOM")
    gateway.update_method(**where, patchOperations=operations)
    key = {"restApiId": api["id"], "authorizerId": made["id"]}
    assert error_of(gateway.delete_authorizer, **key)[0] == "ConflictException"
    renamed = gateway.update_authorizer(**key, patchOperations=patch("replace", "/name", "renamed"))
    assert renamed["name"] == "renamed"
    gateway.delete_method(**where)
    gateway.delete_authorizer(**key)
    assert error_of(gateway.get_authorizer, **key) == missing("Invalid Authorizer identifier specified")
    assert gateway.get_authorizers(restApiId=api["id"])["items"] == []


def test_deployments_and_stages(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """A deployment needs a method with an integration; one that a stage serves stays."""
    api_id = api["id"]
    other = gateway.create_rest_api(name="empty")
    assert error_of(gateway.create_deployment, restApiId=other["id"]) == bad("The REST API doesn't contain any methods")
    gateway.put_method(
        restApiId=other["id"], resourceId=other["rootResourceId"], httpMethod="GET", authorizationType="NONE"
    )
    assert error_of(gateway.create_deployment, restApiId=other["id"]) == bad("No integration defined for method")
    first = gateway.create_deployment(restApiId=api_id, stageName="s1")
    assert set(bare(first)) == {"id", "createdDate"}
    (stage,) = gateway.get_stages(restApiId=api_id)["item"]
    assert bare(stage, "createdDate", "lastUpdatedDate") == {
        "stageName": "s1",
        "deploymentId": first["id"],
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
    }
    key = {"restApiId": api_id, "deploymentId": first["id"]}
    active = bad("Active stages pointing to this deployment must be moved or deleted")
    assert error_of(gateway.delete_deployment, **key) == active
    second = gateway.create_deployment(restApiId=api_id, stageName="s1", description="second")
    assert gateway.get_stage(restApiId=api_id, stageName="s1")["deploymentId"] == second["id"]
    renamed = gateway.update_deployment(**key, patchOperations=patch("replace", "/description", "new"))
    assert renamed["description"] == "new"
    gateway.delete_deployment(**key)
    assert error_of(gateway.get_deployment, **key) == missing("Invalid Deployment identifier specified")
    new = {"restApiId": api_id, "deploymentId": second["id"]}
    gateway.create_stage(**new, stageName="s2", variables={"a": "1"}, tags={"t": "1"})
    assert error_of(gateway.create_stage, **new, stageName="s2") == conflict("Stage already exists")
    assert error_of(gateway.create_stage, **new, stageName="s.2") == bad("Stage name only allows a-zA-Z0-9_-")
    assert error_of(gateway.create_stage, **new, stageName="s3", variables={"a": "a b"})[2] == 400
    assert error_of(gateway.create_stage, **new, stageName="s3", variables={"a-b": "a"})[2] == 400
    assert error_of(gateway.create_stage, restApiId=api_id, deploymentId="none", stageName="s3")[2] == 400
    gateway.delete_stage(restApiId=api_id, stageName="s2")
    assert error_of(gateway.get_stage, restApiId=api_id, stageName="s2") == missing(
        "Invalid stage identifier specified"
    )


def test_settings_of_stages(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """Variables, log settings, settings of methods; what can't be patched is named."""
    deployment = gateway.create_deployment(restApiId=api["id"], stageName="dev")["id"]
    key = {"restApiId": api["id"], "stageName": "dev"}

    def update(*operations: dict[str, str]) -> Any:
        return gateway.update_stage(**key, patchOperations=list(operations))

    logs = update(*patch("add", "/accessLogSettings/destinationArn", "arn:x"))
    assert logs["accessLogSettings"] == {"destinationArn": "arn:x"}
    assert "accessLogSettings" not in update(*patch("remove", "/accessLogSettings"))
    settings = update(*patch("replace", "/*/*/caching/enabled", "true"))["methodSettings"]
    assert settings == {
        "*/*": {
            "cacheDataEncrypted": False,
            "cacheTtlInSeconds": 300,
            "cachingEnabled": True,
            "dataTraceEnabled": False,
            "metricsEnabled": False,
            "requireAuthorizationForCacheControl": True,
            "throttlingBurstLimit": 5000,
            "throttlingRateLimit": 10000.0,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }
    assert update(*patch("remove", "/*/*"))["methodSettings"] == {}
    assert error_of(gateway.update_stage, **key, patchOperations=patch("remove", "/*/*")) == bad(
        "Cannot remove method setting */* because there is no method setting for this method "
    )
    assert update(*patch("replace", "/variables/a", "1"))["variables"] == {"a": "1"}
    code, message, _ = error_of(gateway.update_stage, **key, patchOperations=patch("replace", "/wrong", "x"))
    assert code == "BadRequestException" and message.startswith(
        "Invalid method setting path: /wrong. Must be one of: ["
    )
    gone = patch("replace", "/deploymentId", "none")
    assert error_of(gateway.update_stage, **key, patchOperations=gone) == bad("Deployment id does not exist")
    assert gateway.get_stage(**key)["deploymentId"] == deployment


def test_canaries(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """A canary is made with a deployment or a patch, copied into the stage, and removed."""
    api_id, canary = api["id"], {"percentTraffic": 50.0}
    start = "Invalid deployment content specified."
    first = gateway.create_deployment(restApiId=api_id, stageName="dev")["id"]
    assert error_of(gateway.create_deployment, restApiId=api_id, canarySettings=canary) == bad(
        f"{start}Non null and non empty stageName must be provided for canary deployment. Provided value is null"
    )
    assert error_of(gateway.create_deployment, restApiId=api_id, stageName="none", canarySettings=canary) == bad(
        f"{start}Stage none must already be created before making a canary release deployment"
    )
    second = gateway.create_deployment(restApiId=api_id, stageName="dev", canarySettings=canary)["id"]
    key = {"restApiId": api_id, "stageName": "dev"}
    stage = gateway.get_stage(**key)
    assert (stage["deploymentId"], stage["canarySettings"]) == (
        first,
        {"deploymentId": second, "percentTraffic": 50.0, "useStageCache": False},
    )
    assert error_of(gateway.delete_deployment, restApiId=api_id, deploymentId=second)[2] == 400
    add = patch("add", "/canarySettings/deploymentId", second)
    assert error_of(gateway.update_stage, **key, patchOperations=add) == bad(
        "Invalid add operation with path: /canarySettings/deploymentId"
    )
    copy = {"op": "copy", "from": "/variables", "path": "/canarySettings/stageVariableOverrides"}
    assert error_of(gateway.update_stage, **key, patchOperations=[copy])[1].startswith(
        "Invalid copy operation with path: /canarySettings/stageVariableOverrides and from /variables."
    )
    gateway.update_stage(**key, patchOperations=patch("remove", "/canarySettings"))
    promote = [{"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}]
    assert error_of(gateway.update_stage, **key, patchOperations=promote) == bad(
        "Promotion not available. Canary does not exist."
    )


def test_gateway_responses(gateway: Any, api: dict[str, Any], sandbox: Any) -> None:
    """Those that are not set follow their default; patches as recorded."""
    api_id = api["id"]
    key = {"restApiId": api_id, "responseType": "DEFAULT_5XX"}
    before = gateway.get_gateway_responses(restApiId=api_id)["items"]
    assert len(before) == 21 and all(row["defaultResponse"] for row in before)
    made = gateway.put_gateway_response(**key, statusCode="599")
    assert bare(made) == {
        "responseType": "DEFAULT_5XX",
        "statusCode": "599",
        "responseParameters": {},
        "responseTemplates": {"application/json": '{"message":$context.error.messageString}'},
        "defaultResponse": False,
    }
    follower = gateway.get_gateway_response(restApiId=api_id, responseType="INTEGRATION_TIMEOUT")
    assert (follower["statusCode"], follower["defaultResponse"]) == ("599", True)
    update = gateway.update_gateway_response
    for operations in (patch("add", "/statusCode", "444"), patch("remove", "/statusCode")):
        assert error_of(update, **key, patchOperations=operations) == bad("Invalid patch path /statusCode")
    assert error_of(update, **key, patchOperations=[{"op": "add", "value": "x"}]) == bad("Invalid patch path null")
    assert error_of(update, **key, patchOperations=patch("add", "/wrongPath", "x")) == bad(
        "Invalid patch path /wrongPath"
    )
    header = "/responseParameters/gatewayresponse.header.x"
    assert error_of(update, **key, patchOperations=patch("replace", header, "'y'")) == missing(
        "Invalid parameter name specified"
    )
    assert error_of(update, **key, patchOperations=patch("replace", header)) == bad(
        "Invalid null or empty value in responseParameters"
    )
    changed = update(**key, patchOperations=patch("add", header, "'y'"))
    assert changed["responseParameters"] == {"gatewayresponse.header.x": "'y'"}
    gateway.delete_gateway_response(**key)
    assert error_of(gateway.delete_gateway_response, **key) == missing("Gateway response type not defined on api")
    unknown = missing(f"Invalid API identifier specified {sandbox.account}:none")
    assert error_of(gateway.get_gateway_responses, restApiId="none") == unknown
    wrong = error_of(gateway.get_gateway_response, restApiId=api_id, responseType="FAKE")
    assert wrong[0] == "ValidationException" and "[REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND," in wrong[1]


def test_api_keys(fresh_sandbox: Any) -> None:
    """Values are shown when asked for; names are found by their start."""
    gateway = fresh_sandbox.client("apigateway")
    made = gateway.create_api_key(name="first-key", description="d")
    assert len(made["value"]) == 40
    assert bare(made, "id", "value", "createdDate", "lastUpdatedDate") == {
        "name": "first-key",
        "description": "d",
        "enabled": False,
        "stageKeys": [],
    }
    assert "name" not in gateway.create_api_key(name="")
    assert "value" not in gateway.get_api_key(apiKey=made["id"])
    assert gateway.get_api_key(apiKey=made["id"], includeValue=True)["value"] == made["value"]
    for query, count in (("first", 1), ("FIRST", 0), ("key", 0)):
        assert len(gateway.get_api_keys(nameQuery=query)["items"]) == count
    assert len(gateway.get_api_keys(limit=1)["items"]) == 1
    assert error_of(gateway.create_api_key, name="x" * 1025) == bad(
        "Invalid API Key name, can be at most 1024 characters."
    )
    assert error_of(gateway.create_api_key, value="x" * 129) == bad(
        "API Key value exceeds maximum size of 128 characters"
    )
    assert error_of(gateway.create_api_key, value="short") == bad("API Key value should be at least 20 characters")
    assert error_of(gateway.create_api_key, value=made["value"])[0] == "ConflictException"
    long = "x" * 125_001
    described = bad("Invalid API Key description specified.")
    assert error_of(gateway.create_api_key, description=long) == described
    change = patch("replace", "/description", long)
    assert error_of(gateway.update_api_key, apiKey=made["id"], patchOperations=change) == described
    gateway.delete_api_key(apiKey=made["id"])
    assert error_of(gateway.get_api_key, apiKey=made["id"]) == missing("Invalid API Key identifier specified")


def test_usage_plans(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """Stages and keys come into a plan and out of it again."""
    gateway.create_deployment(restApiId=api["id"], stageName="s")
    plan = gateway.create_usage_plan(name="p", throttle={"burstLimit": 20, "rateLimit": 10.0})
    assert bare(plan, "id") == {"name": "p", "apiStages": [], "throttle": {"burstLimit": 20, "rateLimit": 10.0}}
    key = {"usagePlanId": plan["id"]}
    stage = patch("add", "/apiStages", f"{api['id']}:s")
    assert gateway.update_usage_plan(**key, patchOperations=stage)["apiStages"] == [{"apiId": api["id"], "stage": "s"}]
    assert error_of(gateway.update_usage_plan, **key, patchOperations=patch("add", "/apiStages", "none:s"))[2] == 404
    limit = patch("replace", f"/apiStages/{api['id']}:s/throttle/~1pets~1GET/rateLimit", "5")
    assert error_of(gateway.update_usage_plan, **key, patchOperations=patch("replace", "/wrong", "x"))[2] == 400
    assert (
        gateway.update_usage_plan(**key, patchOperations=patch("replace", "/quota/limit", "7"))["quota"]["limit"] == 7
    )
    assert limit
    made = gateway.create_api_key(name="k")
    assert gateway.create_usage_plan_key(**key, keyId=made["id"], keyType="API_KEY")["value"] == made["value"]
    again = {**key, "keyId": made["id"], "keyType": "API_KEY"}
    assert error_of(gateway.create_usage_plan_key, **again)[0] == "ConflictException"
    assert error_of(gateway.create_usage_plan_key, **again | {"keyType": "X"})[2] == 400
    assert error_of(gateway.create_usage_plan_key, **again | {"keyId": "none"})[2] == 404
    assert [row["id"] for row in gateway.get_usage_plan_keys(**key)["items"]] == [made["id"]]
    assert [row["id"] for row in gateway.get_usage_plans(keyId=made["id"])["items"]] == [plan["id"]]
    assert error_of(gateway.delete_usage_plan, **key)[2] == 400
    gateway.update_usage_plan(**key, patchOperations=patch("remove", "/apiStages", f"{api['id']}:s"))
    gateway.delete_usage_plan_key(**key, keyId=made["id"])
    assert error_of(gateway.get_usage_plan_key, **key, keyId=made["id"])[2] == 404
    gateway.delete_usage_plan(**key)
    assert error_of(gateway.get_usage_plan, **key) == missing("Invalid Usage Plan ID specified")


def test_documentation(gateway: Any, api: dict[str, Any], sandbox: Any) -> None:
    """Parts and versions; an import of what is no document."""
    api_id = api["id"]
    part = gateway.create_documentation_part(restApiId=api_id, location={"type": "API"}, properties='{"foo": "bar"}')
    key = {"restApiId": api_id, "documentationPartId": part["id"]}
    assert bare(gateway.get_documentation_part(**key)) == bare(part)
    again = {"restApiId": api_id, "location": {"type": "API"}, "properties": "{}"}
    assert error_of(gateway.create_documentation_part, **again)[0] == "ConflictException"
    update = gateway.update_documentation_part
    assert error_of(update, **key, patchOperations=patch("add", "/properties", "x")) == bad(
        "Invalid patch path  '/properties' specified for op 'add'. Please choose supported operations"
    )
    assert error_of(update, **key, patchOperations=patch("replace", "/invalidPath", "x")) == bad(
        "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: [/properties]"
    )
    unknown = missing("Invalid Documentation part identifier specified")
    assert (
        error_of(update, **key | {"restApiId": "none"}, patchOperations=patch("replace", "/properties", "x")) == unknown
    )
    assert error_of(gateway.get_documentation_parts, restApiId="none") == missing(
        f"Invalid API identifier specified {sandbox.account}:none"
    )
    gateway.create_documentation_version(restApiId=api_id, documentationVersion="v1")
    assert error_of(gateway.create_documentation_version, restApiId=api_id, documentationVersion="v1")[2] == 409
    gateway.delete_documentation_part(**key)
    assert error_of(gateway.delete_documentation_part, **key) == unknown
    assert error_of(gateway.import_documentation_parts, restApiId=api_id, body=b"[") == bad(
        "Unable to build importer with provided input."
    )


def test_domains_and_base_paths(gateway: Any, api: dict[str, Any], where: dict[str, str]) -> None:
    """They are kept, and mappings lead to stages that are there."""
    gateway.create_deployment(restApiId=api["id"], stageName="s")
    name = f"{uuid.uuid4().hex[:8]}.example.com"
    made = gateway.create_domain_name(domainName=name, endpointConfiguration={"types": ["REGIONAL"]})
    assert made["domainNameStatus"] == "AVAILABLE" and made["regionalDomainName"]
    assert error_of(gateway.create_domain_name, domainName=name)[0] == "ConflictException"
    mapping = {"domainName": name, "restApiId": api["id"], "stage": "s"}
    assert bare(gateway.create_base_path_mapping(**mapping)) == {
        "basePath": "(none)",
        "restApiId": api["id"],
        "stage": "s",
    }
    assert error_of(gateway.create_base_path_mapping, **mapping)[0] == "ConflictException"
    assert error_of(gateway.create_base_path_mapping, **mapping | {"stage": "none"})[2] == 400
    slash = bad(
        "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level base "
        "path mapping, use API Gateway V2."
    )
    assert error_of(gateway.create_base_path_mapping, **mapping, basePath="/v1") == slash
    gateway.create_base_path_mapping(**mapping, basePath="v1")
    where_mapped = {"domainName": name, "basePath": "v1"}
    into = patch("replace", "/basePath", "v1/v2")
    assert error_of(gateway.update_base_path_mapping, **where_mapped, patchOperations=into) == slash
    moved = gateway.update_base_path_mapping(**where_mapped, patchOperations=patch("replace", "/basePath", "v2"))
    assert moved["basePath"] == "v2"
    assert [row["basePath"] for row in gateway.get_base_path_mappings(domainName=name)["items"]] == ["(none)", "v2"]
    assert error_of(gateway.get_base_path_mapping, **where_mapped)[2] == 404
    gateway.delete_base_path_mapping(domainName=name, basePath="v2")
    gateway.delete_domain_name(domainName=name)
    assert error_of(gateway.get_domain_name, domainName=name) == missing("Invalid domain name identifier specified")


def test_the_account(gateway: Any) -> None:
    """Throttle settings are AWS's; a role is kept."""
    assert gateway.get_account()["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}
    role = "arn:aws:iam::000000000000:role/logs"
    gateway.update_account(patchOperations=patch("replace", "/cloudwatchRoleArn", role))
    assert gateway.get_account()["cloudwatchRoleArn"] == role
    without = [{"op": "remove", "path": "/features", "value": "UsagePlans"}]
    assert error_of(gateway.update_account, patchOperations=without) == bad(
        "Usage Plans cannot be disabled once enabled"
    )


def test_invocations_of_what_is_not_there(gateway: Any, where: dict[str, str]) -> None:
    """TestInvokeMethod's errors as recorded."""
    test = gateway.test_invoke_method
    assert error_of(test, **where | {"restApiId": "none"}) == missing(RESOURCE)
    assert error_of(test, **where | {"resourceId": "none"}) == missing(RESOURCE)
    assert error_of(test, **where | {"httpMethod": "PUT"}) == missing("Invalid Method identifier specified")


def swagger() -> dict[str, Any]:
    """Made after what tools generate: models, an authorizer, CORS by mock, parameters."""
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "passthroughBehavior": "when_no_match",
        "responses": {
            "default": {
                "statusCode": 200,
                "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
            }
        },
    }
    answers = {"200": {"description": "ok", "headers": {"Access-Control-Allow-Origin": {"type": "string"}}}}
    pool = "arn:aws:cognito-idp:us-east-1:111111111111:userpool/us-east-1_ABC123"
    return {
        "swagger": "2.0",
        "info": {"title": "imported", "version": "2", "description": "d"},
        "basePath": "/base",
        "x-amazon-apigateway-binary-media-types": ["*/*"],
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": 444}},
        "securityDefinitions": {
            "pool": {
                "type": "apiKey",
                "name": "Auth",
                "in": "header",
                "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [pool]},
            },
            "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        },
        "definitions": {"Pet": {"type": "object", "properties": {"next": {"$ref": "#/definitions/Pet"}}}},
        "paths": {
            "/test": {
                "options": {"responses": answers, "x-amazon-apigateway-integration": mock},
                "post": {
                    "operationId": "makePet",
                    "security": [{"pool": ["openid"]}],
                    "x-amazon-apigateway-request-validator": "all",
                    "parameters": [
                        {"in": "query", "name": "q", "required": True, "type": "string"},
                        {"in": "body", "name": "Pet", "schema": {"$ref": "#/definitions/Pet"}},
                    ],
                    "responses": answers,
                    "x-amazon-apigateway-integration": mock,
                },
            },
            "/keyed/{id}": {
                "x-amazon-apigateway-any-method": {"security": [{"key": []}], "x-amazon-apigateway-integration": mock}
            },
        },
    }


def test_a_definition_is_imported(gateway: Any) -> None:
    """Swagger with extensions makes resources, methods, models, authorizers, validators and gateway responses."""
    body = json.dumps(swagger()).encode()
    api = gateway.import_rest_api(body=body, parameters={"basepath": "prepend"})
    assert (api["name"], api["version"], api["binaryMediaTypes"]) == ("imported", "2", ["*/*"])
    resources = {row["path"]: row for row in gateway.get_resources(restApiId=api["id"])["items"]}
    assert set(resources) == {"/", "/base", "/base/test", "/base/keyed", "/base/keyed/{id}"}
    assert resources["/base/test"]["resourceMethods"] == {"OPTIONS": {}, "POST": {}}
    where = {"restApiId": api["id"], "resourceId": resources["/base/test"]["id"]}
    options = gateway.get_method(**where, httpMethod="OPTIONS")
    header = "method.response.header.Access-Control-Allow-Origin"
    assert options["methodResponses"] == {"200": {"statusCode": "200", "responseParameters": {header: False}}}
    assert options["methodIntegration"]["integrationResponses"] == {
        "200": {"statusCode": "200", "responseParameters": {header: "'*'"}}
    }
    post = gateway.get_method(**where, httpMethod="POST")
    (authorizer,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert authorizer["identitySource"] == "method.request.header.Auth"
    keyed = gateway.get_method(**where | {"resourceId": resources["/base/keyed/{id}"]["id"]}, httpMethod="ANY")
    assert keyed["requestParameters"] == {"method.request.path.id": True}, "declared by the path alone"
    assert (post["authorizationType"], post["authorizerId"]) == ("COGNITO_USER_POOLS", authorizer["id"])
    assert (post["authorizationScopes"], post["operationName"]) == (["openid"], "makePet")
    assert post["requestParameters"] == {"method.request.querystring.q": True}
    assert post["requestModels"] == {"application/json": "Pet"}
    assert post["requestValidatorId"] == gateway.get_request_validators(restApiId=api["id"])["items"][0]["id"]
    model = json.loads(gateway.get_model(restApiId=api["id"], modelName="Pet")["schema"])
    url = f"https://apigateway.amazonaws.com/restapis/{api['id']}/models/Pet"
    assert model["properties"]["next"] == {"$ref": url}
    keyed = {"restApiId": api["id"], "resourceId": resources["/base/keyed/{id}"]["id"], "httpMethod": "ANY"}
    assert gateway.get_method(**keyed)["apiKeyRequired"] is True
    assert gateway.get_gateway_response(restApiId=api["id"], responseType="THROTTLED")["statusCode"] == "444"
    again = swagger()
    del again["paths"]["/test"]
    gateway.put_rest_api(restApiId=api["id"], mode="overwrite", body=json.dumps(again).encode())
    paths = [row["path"] for row in gateway.get_resources(restApiId=api["id"])["items"]]
    assert paths == ["/", "/keyed", "/keyed/{id}"]
    gateway.create_deployment(restApiId=api["id"], stageName="s")
    for wrong in (b"\xff", b"[]", b'{"swagger": "1.0"}', b'{"swagger": "2.0", "paths": []}'):
        assert error_of(gateway.import_rest_api, body=wrong)[0] == "BadRequestException"
    assert error_of(gateway.import_rest_api, body=body, parameters={"basepath": "wrong"})[2] == 400


def test_an_empty_identity_source_is_the_headers(gateway: Any) -> None:
    """Pulumi writes "identitySource": ""; AWS takes the header that the scheme names (recorded:
    test_import_rest_api)."""
    document = swagger()
    authorizer = {"type": "token", "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/x", "identitySource": ""}
    document["securityDefinitions"]["pool"]["x-amazon-apigateway-authorizer"] = authorizer
    api = gateway.import_rest_api(body=json.dumps(document).encode())
    (made,) = gateway.get_authorizers(restApiId=api["id"])["items"]
    assert made["identitySource"] == "method.request.header.Auth"


def test_vpc_links(gateway: Any) -> None:
    """Kept, with the recorded refusals."""
    arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/net/x/1"
    made = gateway.create_vpc_link(name="l", targetArns=[arn])
    assert made["status"] == "AVAILABLE"
    assert gateway.get_vpc_link(vpcLinkId=made["id"])["targetArns"] == [arn]
    assert error_of(gateway.create_vpc_link, name="", targetArns=[arn]) == bad("Name cannot be empty")
    assert error_of(gateway.create_vpc_link, name="l", targetArns=["invalid-arn"]) == bad(
        "Invalid ARN. ARN is not well formed invalid-arn"
    )
    gateway.delete_vpc_link(vpcLinkId=made["id"])
    for call in (gateway.get_vpc_link, gateway.delete_vpc_link):
        assert error_of(call, vpcLinkId=made["id"]) == missing("Invalid Vpc Link identifier specified")


def test_quotas(gateway: Any, api: dict[str, Any]) -> None:
    """Three hundred resources and ten authorizers in an API, and no more."""
    paths = {f"/p{at}": {} for at in range(300)}
    body = json.dumps({"swagger": "2.0", "info": {"title": "t"}, "paths": paths}).encode()
    assert error_of(gateway.import_rest_api, body=body) == (
        "LimitExceededException",
        "Maximum number of Resources for this API has been reached. Please contact AWS.",
        429,
    )
    new = {"restApiId": api["id"], "type": "TOKEN", "identitySource": "method.request.header.a"}
    for at in range(10):
        gateway.create_authorizer(**new, authorizerUri=FUNCTION, name=f"a{at}")
    assert (
        error_of(gateway.create_authorizer, **new, authorizerUri=FUNCTION, name="more")[0] == "LimitExceededException"
    )


@pytest.mark.parametrize("kind", ["swagger", "oas30"])
def test_a_stage_is_exported(gateway: Any, sandbox: Any, kind: str) -> None:
    """As recorded; with extensions it can be imported again and says the same."""
    pets = {
        "type": "http",
        "httpMethod": "GET",
        "uri": "http://example.com/pets/{id}",
        "requestParameters": {"integration.request.path.id": "method.request.path.petId"},
        "responses": {"default": {"statusCode": "200"}},
    }
    get = {
        "parameters": [{"name": "petId", "in": "path", "required": True, "type": "string"}],
        "responses": {"200": {"description": "200 response", "schema": {"$ref": "#/definitions/Pet"}}},
        "x-amazon-apigateway-integration": pets,
    }
    document = {
        "swagger": "2.0",
        "info": {"title": "Pets", "version": "1.0.0"},
        "definitions": {
            "Pet": {"type": "object", "properties": {"name": {"$ref": "#/definitions/Name"}}},
            "Name": {"type": "string"},
        },
        "paths": {"/pets/{petId}": {"get": get}},
    }
    api_id = gateway.import_rest_api(body=json.dumps(document).encode())["id"]
    gateway.create_deployment(restApiId=api_id, stageName="local")
    where = {"restApiId": api_id, "stageName": "local", "exportType": kind}
    plain = gateway.get_export(**where)
    assert plain["contentDisposition"] == f'attachment; filename="{kind}_1.0.0.json"'
    shown = json.loads(plain["body"].read())
    assert "x-amazon-apigateway-integration" not in shown["paths"]["/pets/{petId}"]["get"]
    models = shown["definitions"] if kind == "swagger" else shown["components"]["schemas"]
    assert set(models) == {"Pet", "Name"}
    whole = json.loads(gateway.get_export(**where, parameters={"extensions": "integrations"})["body"].read())
    assert whole["paths"]["/pets/{petId}"]["get"]["x-amazon-apigateway-integration"] == pets | {
        "passthroughBehavior": "when_no_match"
    }
    again = gateway.import_rest_api(body=json.dumps(whole).encode())["id"]
    gateway.create_deployment(restApiId=again, stageName="local")
    copy = gateway.get_export(**where | {"restApiId": again}, parameters={"extensions": "integrations"})
    assert json.loads(copy["body"].read())["paths"] == whole["paths"]
    assert (
        b"swagger" in gateway.get_export(**where | {"exportType": "swagger"}, accepts="application/yaml")["body"].read()
    )
    assert error_of(gateway.get_export, **where | {"exportType": "wrong"}) == bad("No API exporter for type 'wrong'")


def test_an_export_without_a_version(gateway: Any) -> None:
    """It has the moment of its deployment for one, also in the file's name; what isn't required isn't said to be (both
    recorded: test_export_oas30_openapi)."""
    get = {
        "parameters": [{"name": "page", "in": "query", "type": "string"}],
        "x-amazon-apigateway-integration": {"type": "mock"},
    }
    document = {"swagger": "2.0", "info": {"title": "unversioned"}, "paths": {"/pets": {"get": get}}}
    api_id = gateway.import_rest_api(body=json.dumps(document).encode())["id"]
    gateway.create_deployment(restApiId=api_id, stageName="local")
    told = gateway.get_export(restApiId=api_id, stageName="local", exportType="oas30")
    shown = json.loads(told["body"].read())
    version = shown["info"]["version"]
    assert version.endswith("Z") and told["contentDisposition"] == f'attachment; filename="oas30_{version}.json"'
    (page,) = shown["paths"]["/pets"]["get"]["parameters"]
    assert page == {"name": "page", "in": "query", "schema": {"type": "string"}}


def test_keys_of_a_file(gateway: Any) -> None:
    """Keys with their plans; what can't be imported is warned of, or nothing is."""
    plan = gateway.create_usage_plan(name="imported")["id"]
    lines = [
        "Name,key,description,Enabled,usageplanIds",
        f"one,{'a1' * 12},the first,TRUE,{plan}",
        f'two,{"b2" * 12},,FALSE,"{plan},none"',
        "three,short,,TRUE,",
    ]
    body = "\n".join(lines).encode()
    assert error_of(gateway.import_api_keys, body=body, format="csv", failOnWarnings=True)[2] == 400
    made = gateway.import_api_keys(body=body, format="csv")
    assert len(made["warnings"]) == 2
    first, second = (gateway.get_api_key(apiKey=key, includeValue=True) for key in made["ids"])
    assert (first["name"], first["value"], first["description"]) == ("one", "a1" * 12, "the first")
    assert (first["enabled"], second["enabled"]) == (True, False)
    assert {row["id"] for row in gateway.get_usage_plan_keys(usagePlanId=plan)["items"]} == set(made["ids"])
    assert error_of(gateway.import_api_keys, body=b"a,b", format="csv")[2] == 400


def test_client_certificates(gateway: Any) -> None:
    """Made, told apart, described anew, deleted."""
    made = gateway.generate_client_certificate(description="d", tags={"a": "b"})
    assert made["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert (made["expirationDate"] - made["createdDate"]).days == 365
    key = {"clientCertificateId": made["clientCertificateId"]}
    changed = gateway.update_client_certificate(**key, patchOperations=patch("replace", "/description", "e"))
    assert changed["description"] == "e"
    assert bare(gateway.get_client_certificate(**key)) == bare(changed)
    assert key["clientCertificateId"] in [
        row["clientCertificateId"] for row in gateway.get_client_certificates()["items"]
    ]
    gateway.delete_client_certificate(**key)
    assert error_of(gateway.get_client_certificate, **key)[2] == 404
