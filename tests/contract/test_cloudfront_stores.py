"""CloudFront's key value stores: stores, their keys with versions, and functions that read them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from tests.conftest import Sandbox

CODE = """
import cf from 'cloudfront';
const store = cf.kvs();
async function handler(event) {
  const name = event.request.uri.slice(1);
  if (!(await store.exists(name))) return { statusCode: 404 };
  const data = await store.get(name, { format: 'json' });
  const { keyCount } = await store.meta();
  const count = `${keyCount}/${await store.count()}`;
  return { statusCode: 302, headers: { location: { value: data.to }, 'x-count': { value: count } } };
}
"""


@pytest.fixture(scope="module")
def cdn(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudfront")


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Any:
    """Signed with SigV4 (CLOUDFRONT-004), where the SDK's own choice for this service is SigV4A. The account stands
    before the endpoint's host, which not every system can resolve."""
    made = sandbox.client("cloudfront-keyvaluestore", signature_version="v4")

    def send(request: Any, **_: Any) -> None:
        host = urlsplit(request.url).netloc
        assert host.startswith(f"{sandbox.account}."), host
        request.headers["Host"] = host
        request.url = request.url.replace(host, f"127.0.0.1:{sandbox.server.port}", 1)

    made.meta.events.register("before-send", send)
    return made


def refusal(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def make(cdn: Any, name: str, **options: Any) -> str:
    return str(cdn.create_key_value_store(Name=name, **options)["KeyValueStore"]["ARN"])


def test_the_life_of_a_store(cdn: Any) -> None:
    """Creation, listing, changes with the right version, deletion."""
    made = cdn.create_key_value_store(Name="life", Comment="a")
    assert made["KeyValueStore"]["Status"] == "PROVISIONING"
    assert refusal(cdn.create_key_value_store, Name="life") == "EntityAlreadyExists"
    shown = cdn.describe_key_value_store(Name="life")
    assert (shown["KeyValueStore"]["Status"], shown["ETag"]) == ("READY", made["ETag"])
    assert refusal(cdn.update_key_value_store, Name="life", Comment="b", IfMatch="other") == "PreconditionFailed"
    changed = cdn.update_key_value_store(Name="life", Comment="b", IfMatch=made["ETag"])
    assert changed["KeyValueStore"]["Comment"] == "b"
    listed = cdn.list_key_value_stores()["KeyValueStoreList"]["Items"]
    assert "life" in [item["Name"] for item in listed]
    assert refusal(cdn.delete_key_value_store, Name="life", IfMatch=made["ETag"]) == "PreconditionFailed"
    cdn.delete_key_value_store(Name="life", IfMatch=changed["ETag"])
    assert refusal(cdn.describe_key_value_store, Name="life") == "EntityNotFound"


def test_keys(cdn: Any, keys: Any) -> None:
    """Each change names the version that it was made for, counts, and gives the next; a batch is all or nothing."""
    arn = make(cdn, "keyed")
    first = keys.describe_key_value_store(KvsARN=arn)
    assert (first["ItemCount"], first["TotalSizeInBytes"], first["Status"]) == (0, 0, "READY")
    put = keys.put_key(KvsARN=arn, Key="a", Value="one", IfMatch=first["ETag"])
    assert (put["ItemCount"], put["TotalSizeInBytes"]) == (1, 4)
    assert refusal(keys.put_key, KvsARN=arn, Key="b", Value="x", IfMatch=first["ETag"]) == "ValidationException"
    assert keys.get_key(KvsARN=arn, Key="a")["Value"] == "one"
    changes = {"Puts": [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": "3"}], "Deletes": [{"Key": "a"}]}
    batch = keys.update_keys(KvsARN=arn, IfMatch=put["ETag"], **changes)
    assert (batch["ItemCount"], batch["TotalSizeInBytes"]) == (2, 4)
    lost = {"Puts": [{"Key": "d", "Value": "4"}], "Deletes": [{"Key": "none"}]}
    assert refusal(keys.update_keys, KvsARN=arn, IfMatch=batch["ETag"], **lost) == "ResourceNotFoundException"
    page = keys.list_keys(KvsARN=arn, MaxResults=1)
    assert [item["Key"] for item in page["Items"]] == ["b"]
    rest = keys.list_keys(KvsARN=arn, MaxResults=1, NextToken=page["NextToken"])
    assert [item["Key"] for item in rest["Items"]] == ["c"] and "NextToken" not in rest
    gone = keys.delete_key(KvsARN=arn, Key="b", IfMatch=batch["ETag"])
    assert gone["ItemCount"] == 1
    assert refusal(keys.get_key, KvsARN=arn, Key="b") == "ResourceNotFoundException"
    unknown = f"{arn.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    assert refusal(keys.get_key, KvsARN=unknown, Key="c") == "ResourceNotFoundException"


def test_what_keys_refuse(cdn: Any, keys: Any) -> None:
    """Sizes of keys, values and batches, and a key that is changed twice."""
    arn = make(cdn, "strict")
    named = {"KvsARN": arn, "IfMatch": keys.describe_key_value_store(KvsARN=arn)["ETag"]}
    assert refusal(keys.put_key, **named, Key="a", Value="x" * 1025) == "ValidationException"
    assert refusal(keys.put_key, **named, Key="a" * 513, Value="x") == "ValidationException"
    assert refusal(keys.update_keys, **named) == "ValidationException"
    many = [{"Key": str(at), "Value": "x"} for at in range(51)]
    assert refusal(keys.update_keys, **named, Puts=many) == "ServiceQuotaExceededException"
    twice = {"Puts": [{"Key": "a", "Value": "x"}], "Deletes": [{"Key": "a"}]}
    assert refusal(keys.update_keys, **named, **twice) == "ValidationException"
    assert keys.describe_key_value_store(KvsARN=arn)["ItemCount"] == 0


def test_a_store_from_a_file(cdn: Any, keys: Any, sandbox: Sandbox) -> None:
    """The first keys come from an object of S3; what is none, or no such list, is refused."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="kvs-source")
    s3.put_object(Bucket="kvs-source", Key="d.json", Body=json.dumps({"data": [{"key": "k", "value": "v"}]}))
    s3.put_object(Bucket="kvs-source", Key="bad", Body=b"{}")
    arn = make(cdn, "imported", ImportSource={"SourceType": "S3", "SourceARN": "arn:aws:s3:::kvs-source/d.json"})
    assert keys.get_key(KvsARN=arn, Key="k")["Value"] == "v"
    for source in ("arn:aws:s3:::kvs-source/bad", "arn:aws:s3:::kvs-source/none", "arn:aws:sqs:::x"):
        given = {"SourceType": "S3", "SourceARN": source}
        assert refusal(cdn.create_key_value_store, Name="refused", ImportSource=given) == "InvalidArgument"


def test_a_function_reads_its_store(cdn: Any, keys: Any) -> None:
    """What is put is read at the next request; a store that a function uses can't be deleted."""
    arn = make(cdn, "read")
    version = keys.describe_key_value_store(KvsARN=arn)["ETag"]
    version = keys.put_key(KvsARN=arn, Key="old", Value='{"to": "/new"}', IfMatch=version)["ETag"]
    associations = {"Quantity": 1, "Items": [{"KeyValueStoreARN": arn}]}
    settings = {"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": associations}
    made = cdn.create_function(Name="reader", FunctionConfig=settings, FunctionCode=CODE.encode())

    def ask(uri: str) -> dict[str, Any]:
        event = {"version": "1.0", "request": {"method": "GET", "uri": uri, "headers": {}}}
        named = {"Name": "reader", "IfMatch": made["ETag"], "EventObject": json.dumps(event).encode()}
        result = cdn.test_function(**named)["TestResult"]
        assert result["FunctionErrorMessage"] == ""
        return dict(json.loads(result["FunctionOutput"])["response"])

    found = ask("/old")
    assert (found["headers"]["location"]["value"], found["headers"]["x-count"]["value"]) == ("/new", "1/1")
    assert ask("/other")["statusCode"] == 404
    keys.put_key(KvsARN=arn, Key="other", Value='{"to": "/else"}', IfMatch=version)
    assert ask("/other")["headers"]["location"]["value"] == "/else"
    store = cdn.describe_key_value_store(Name="read")
    named = {"Name": "read", "IfMatch": store["ETag"]}
    assert refusal(cdn.delete_key_value_store, **named) == "CannotDeleteEntityWhileInUse"
    cdn.delete_function(Name="reader", IfMatch=made["ETag"])
    cdn.delete_key_value_store(**named)


def test_what_functions_refuse_of_stores(cdn: Any) -> None:
    """A store that is not there, the old runtime, more than one store."""
    arn = make(cdn, "bound")

    def refused(runtime: str, *arns: str) -> str:
        items = [{"KeyValueStoreARN": one} for one in arns]
        settings = {"Comment": "", "Runtime": runtime}
        settings["KeyValueStoreAssociations"] = {"Quantity": len(items), "Items": items}  # type: ignore[assignment]
        return refusal(cdn.create_function, Name="f", FunctionConfig=settings, FunctionCode=b"x")

    unknown = f"{arn.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    assert refused("cloudfront-js-2.0", unknown) == "InvalidArgument"
    assert refused("cloudfront-js-1.0", arn) == "InvalidArgument"
    assert refused("cloudfront-js-2.0", arn, arn) == "InvalidArgument"
