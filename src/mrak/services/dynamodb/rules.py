"""What a table and its indexes must be, beyond the model, in the order in which AWS checks it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mrak.lang.hashorder import in_hash_order
from mrak.services.dynamodb import errors

MOST_LOCAL_INDEXES = 5
MOST_GLOBAL_INDEXES = 20
MOST_INCLUDED = 100
MOST_COMPOSED = 4
MOST_TAGS = 50
SHORTEST_NAME = 3
LONGEST_NAME = 255
LONGEST_TAG_KEY = 128
LONGEST_TAG_VALUE = 256
MOST_UNITS = 1_000_000_000_000
MOST_DIMENSIONS = 4096
MOST_VECTOR_INDEXES = 5
MOST_VECTOR_ATTRIBUTES = 20
MOST_INLINE_FILTERS = 18
TABLE_CLASSES = ("STANDARD", "STANDARD_INFREQUENT_ACCESS")
_NAME = re.compile(r"[a-zA-Z0-9_.-]+", re.ASCII)

_SAME_NAME = "Both the Hash Key and the Range Key element in the KeySchema have the same name"


def is_name(text: str) -> bool:
    """Whether a table or an index could be called so."""
    return SHORTEST_NAME <= len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def check_table_name(name: str, parameter: str = "tableName") -> None:
    """A table's own name, where the model would take an ARN too."""
    broken = []
    if len(name) < SHORTEST_NAME:
        broken.append(f"Member must have length greater than or equal to {SHORTEST_NAME}")
    if len(name) > LONGEST_NAME:
        broken.append(f"Member must have length less than or equal to {LONGEST_NAME}")
    if not _NAME.fullmatch(name):
        broken.append("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
    if broken:
        shown = "; ".join(f"Value '{name}' at '{parameter}' failed to satisfy constraint: {rule}" for rule in broken)
        raise errors.invalid(f"{len(broken)} validation error{'s' * (len(broken) > 1)} detected: {shown}")


def check_name_length(name: str, parameter: str = "TableName") -> None:
    """A name's length in the words of the younger operations."""
    if not SHORTEST_NAME <= len(name) <= LONGEST_NAME:
        raise errors.invalid(f"{parameter} must be at least 3 characters long and at most 255 characters long")


def check_billing(req: Mapping[str, Any]) -> None:
    throughput = req.get("ProvisionedThroughput")
    if req.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST":
        if throughput is not None:
            raise errors.invalid_parameter(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return
    if throughput is None:
        raise errors.invalid_parameter(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    check_units(throughput)


def check_units(throughput: Mapping[str, Any], index: str | None = None) -> None:
    suffix = "" if index is None else f" for index {index}"
    for name in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if throughput[name] > MOST_UNITS:
            raise errors.invalid(f"Given value {throughput[name]} for {name} is out of bounds{suffix}")


def with_billing_mode(req: dict[str, Any]) -> dict[str, Any]:
    """A request that gives the billing mode by its newer name, with the older one; of both the older one decides."""
    if "TableThroughputMode" not in req:
        return req
    others = {name: value for name, value in req.items() if name != "TableThroughputMode"}
    return {"BillingMode": req["TableThroughputMode"], **others}


def check_new_table(req: Mapping[str, Any]) -> None:
    """CreateTable's parameters."""
    check_billing(req)
    definitions = req.get("AttributeDefinitions")
    schema = req.get("KeySchema")
    if schema is None or definitions is None:
        missing = "keySchema" if schema is None else "attributeDefinitions"
        raise errors.constraint("null", missing, "Member must not be null")
    defined = _defined(definitions)
    check_key_schema(schema, defined)
    local, global_ = req.get("LocalSecondaryIndexes"), req.get("GlobalSecondaryIndexes")
    if local is None and global_ is None and "VectorIndexes" not in req and len(schema) != len(defined):
        raise errors.invalid_parameter(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    if local is not None:
        _check_local_keys(local, schema, defined)
    if global_ is not None:
        _check_global_keys(global_, defined)
    check_all_used(req, defined)
    names: set[str] = set()
    if local is not None:
        _check_local(local, names)
    if global_ is not None:
        _check_global(global_, names, req.get("BillingMode", "PROVISIONED"))
    if "VectorIndexes" in req:
        check_vector_indexes(req, defined, names)
    check_table_class(req.get("TableClass"))
    check_tags(req.get("Tags", []))
    check_tag_count(len(req.get("Tags", [])))
    check_stream(req.get("StreamSpecification"))


def check_stream(specification: Mapping[str, Any] | None) -> None:
    """The stream of a new table."""
    if specification is None:
        return
    if specification["StreamEnabled"] and "StreamViewType" not in specification:
        raise errors.invalid_parameter("Table is being created with a stream enabled, UpdateViewType is required")
    if not specification["StreamEnabled"] and "StreamViewType" in specification:
        raise errors.invalid_parameter(
            "Table is being created with a stream disabled, UpdateViewType should not be specified"
        )


def _defined(definitions: Sequence[Mapping[str, str]]) -> list[str]:
    names = [definition["AttributeName"] for definition in definitions]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise errors.invalid(f"Attribute Name is duplicated: {name}")
    return names


def check_key_schema(schema: Sequence[Mapping[str, str]], defined: Sequence[str]) -> None:
    """A table's key: a partition key, and perhaps a sort key."""
    names = [element["AttributeName"] for element in schema]
    if len(schema) > 2:
        shown = ", ".join(
            f"KeySchemaElement(attributeName={element['AttributeName']}, keyType={element['KeyType']})"
            for element in schema
        )
        raise errors.constraint(f"'[{shown}]'", "keySchema", "Member must have length less than or equal to 2")
    _check_defined(names, defined)
    if len(names) == 2 and names[0] == names[1]:
        raise errors.invalid(_SAME_NAME)
    _check_roles(schema)


def _check_defined(names: Sequence[str], defined: Sequence[str]) -> None:
    if len(names) > len(defined):
        raise errors.invalid("Invalid KeySchema: Some index key attribute have no definition")
    if all(name in defined for name in names):
        return
    raise errors.invalid_parameter(
        "Some index key attributes are not defined in AttributeDefinitions. "
        f"Keys: [{_keys_listed(names)}], AttributeDefinitions: [{_definitions_listed(defined)}]"
    )


def _definitions_listed(names: Sequence[str]) -> str:
    """As AWS lists them: by a hash map that was made for that many."""
    return ", ".join(in_hash_order(names, least_buckets=1))


def _keys_listed(names: Iterable[str]) -> str:
    """As AWS lists them: by a hash set of the usual size."""
    return ", ".join(in_hash_order(dict.fromkeys(names)))


def _check_roles(schema: Sequence[Mapping[str, str]]) -> None:
    if schema[0]["KeyType"] != "HASH":
        raise errors.invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        raise errors.invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")


def _check_local_keys(
    indexes: Sequence[Mapping[str, Any]], table: Sequence[Mapping[str, str]], defined: Sequence[str]
) -> None:
    if not indexes:
        raise errors.invalid_parameter("List of LocalSecondaryIndexes is empty")
    if len(table) != 2:
        raise errors.invalid_parameter(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    partition = table[0]["AttributeName"]
    for index in indexes:
        schema, name = index["KeySchema"], index["IndexName"]
        keys = [element["AttributeName"] for element in schema]
        _check_defined(keys, defined)
        if len(keys) == 2 and keys[0] == keys[1]:
            raise errors.invalid(_SAME_NAME)
        _check_roles(schema)
        if len(schema) != 2:
            raise errors.invalid_parameter(f"Index KeySchema does not have a range key for index: {name}")
        if keys[0] != partition:
            raise errors.invalid_parameter(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{name}. index hash key: {keys[0]}, table hash key: {partition}"
            )


def _check_local(indexes: Sequence[Mapping[str, Any]], names: set[str]) -> None:
    for index in indexes:
        check_projection(index.get("Projection", {}))
        _check_unique(index["IndexName"], names)
    if len(indexes) > MOST_LOCAL_INDEXES:
        raise errors.invalid_parameter(
            f"Number of LocalSecondaryIndexes exceeds per-table limit of {MOST_LOCAL_INDEXES}"
        )


def _check_global_keys(indexes: Sequence[Mapping[str, Any]], defined: Sequence[str]) -> None:
    if not indexes:
        raise errors.invalid_parameter("List of GlobalSecondaryIndexes is empty")
    for index in indexes:
        _check_global_key(index["KeySchema"], defined)


def _check_global(indexes: Sequence[Mapping[str, Any]], names: set[str], billing: str) -> None:
    for index in indexes:
        _check_global_rest(index, billing)
        _check_unique(index["IndexName"], names)
    if len(indexes) > MOST_GLOBAL_INDEXES:
        raise errors.invalid_parameter(
            f"GlobalSecondaryIndex count exceeds the per-table limit of {MOST_GLOBAL_INDEXES}"
        )


def check_global_index(index: Mapping[str, Any], defined: Sequence[str], billing: str) -> None:
    """An index that a table gets later."""
    _check_global_key(index["KeySchema"], defined)
    _check_global_rest(index, billing)


def _check_global_key(schema: Sequence[Mapping[str, str]], defined: Sequence[str]) -> None:
    keys = [element["AttributeName"] for element in schema]
    _check_defined(keys, defined)
    if len(keys) == 2 and keys[0] == keys[1]:
        raise errors.invalid(_SAME_NAME)
    roles = [element["KeyType"] for element in schema]
    if len(roles) > 2 or roles == ["HASH", "HASH"]:
        _check_composite(schema)
    else:
        _check_roles(schema)


def _check_global_rest(index: Mapping[str, Any], billing: str) -> None:
    name = index["IndexName"]
    check_projection(index.get("Projection", {}))
    throughput = index.get("ProvisionedThroughput")
    if billing == "PAY_PER_REQUEST":
        if throughput is not None:
            raise errors.invalid_parameter(
                f"ProvisionedThroughput should not be specified for index: {name} when BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise errors.invalid_parameter(f"ProvisionedThroughput is not specified for index: {name}")
    else:
        check_units(throughput, name)


def _check_composite(schema: Sequence[Mapping[str, str]]) -> None:
    """Up to four attributes for the partition key, then up to four for the sort key."""
    roles = [element["KeyType"] for element in schema]
    if roles[0] != "HASH":
        raise errors.invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if roles != sorted(roles):
        raise errors.invalid_parameter("All HASH key attributes must precede RANGE key attributes in the KeySchema")
    names = [element["AttributeName"] for element in schema]
    if len(set(names)) != len(names):
        raise errors.invalid("The KeySchema contains multiple key attributes with the same name")
    for role in ("HASH", "RANGE"):
        if roles.count(role) > MOST_COMPOSED:
            raise errors.invalid_parameter(f"The KeySchema exceeds the maximum allowed number of {role} key attributes")


def check_tag_key(key: str | None) -> None:
    if key is None or not 1 <= len(key) <= LONGEST_TAG_KEY or not _is_tag_text(key):
        raise errors.invalid(f"The Tag Key provided is invalid, Key: {'null' if key is None else key}")
    if key.lower().startswith("aws:"):
        raise errors.invalid(f"Tag Key cannot be prefixed with aws:, Key: {key}")


def _is_tag_text(text: str) -> bool:
    """Letters, numbers and spaces of any script, and a few signs.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html"""
    return all(char.isalnum() or char.isspace() or char in "+-=._:/@" for char in text)


def check_tags(tags: Sequence[Mapping[str, str]]) -> None:
    for place, tag in enumerate(tags):
        key, value = tag.get("Key"), tag.get("Value")
        check_tag_key(key)
        if value is None or len(value) > LONGEST_TAG_VALUE or not _is_tag_text(value):
            raise errors.invalid(f"The Tag Value provided is invalid, Value: {'null' if value is None else value}")
        if any(key == other["Key"] for other in tags[:place]):
            raise errors.invalid(f"Duplicate Tag Keys provided as input: Duplicate Tag Key found {key}")


def settings_mode(mode: str | None) -> str | None:
    """Whether a table without replicas would share its settings, which it shows from then on."""
    if mode == "ENABLED_WITH_OVERRIDES":
        raise errors.invalid(
            f"Value '{mode}' at 'GlobalTableSettingsReplicationMode' failed to satisfy constraint: "
            "Only ENABLED and DISABLED settings replication are supported for a Regional Table."
        )
    return mode


def check_table_class(name: str | None) -> None:
    if name is not None and name not in TABLE_CLASSES:
        raise errors.invalid(
            "Invalid table-class parameter provided. Please try again with a valid table-class value: "
            f"[{', '.join(TABLE_CLASSES)}]."
        )


def check_tag_count(count: int) -> None:
    if count > MOST_TAGS:
        raise errors.invalid("Number of Tags exceed the current limit for the provided ResourceArn")


def check_projection(projection: Mapping[str, Any]) -> None:
    kind = projection.get("ProjectionType")
    included = projection.get("NonKeyAttributes")
    if kind is None:
        raise errors.invalid_parameter("Unknown ProjectionType: null")
    if included is not None and kind != "INCLUDE":
        raise errors.invalid_parameter(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if included is None and kind == "INCLUDE":
        raise errors.invalid_parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    for place, name in enumerate(included or ()):
        if name in included[:place]:  # type: ignore[index]
            raise errors.invalid_parameter(f"Duplicate element in NonKeyAttributes: {name}")
    if included is not None and len(included) > MOST_INCLUDED:
        raise errors.invalid_parameter(f"NonKeyAttributes count exceeds the limit of {MOST_INCLUDED}")


def check_vector_indexes(req: Mapping[str, Any], defined: Sequence[str], names: set[str]) -> None:
    """The vector indexes of a new table."""
    indexes = req["VectorIndexes"]
    if not indexes:
        raise errors.invalid_parameter("List of VectorIndexes is empty")
    check_vector_billing(req.get("BillingMode", "PROVISIONED"))
    if len(indexes) > MOST_VECTOR_INDEXES:
        raise errors.invalid_parameter(f"VectorIndex count exceeds the per-table limit of {MOST_VECTOR_INDEXES}")
    for index in indexes:
        check_vector_index(index, defined)
        _check_unique(index["IndexName"], names)
        check_vector_attribute(index, defined)
    check_same_dimensions([(it["VectorAttribute"]["AttributeName"], it["Dimensions"]) for it in indexes])


def check_vector_billing(billing: str) -> None:
    if billing == "PROVISIONED":
        raise errors.invalid_parameter("Vector indexes are only supported for PAY_PER_REQUEST tables")


def check_vector_index(index: Mapping[str, Any], defined: Sequence[str]) -> None:
    """A vector index on an attribute that has no definition, searched by attributes that have one."""
    if index["Dimensions"] > MOST_DIMENSIONS:
        raise errors.invalid_parameter(f"Number of dimensions must be between 1 and {MOST_DIMENSIONS} inclusive.")
    check_projection(index["Projection"])
    searched = index.get("SearchSchema", [])
    roles = [element["SearchSchemaElementType"] for element in searched]
    for role, most in (("HASH", 1), ("INLINE_FILTER", MOST_INLINE_FILTERS)):
        if roles.count(role) > most:
            raise errors.invalid_parameter(
                f"Value '{roles.count(role)}' at 'SearchSchema' failed to satisfy constraint: "
                f"Member must have {role} count less than or equal to {most}"
            )
    names = [element["AttributeName"] for element in searched]
    if len(set(names)) != len(names):
        raise errors.invalid_parameter("SearchSchema contains a duplicate AttributeName")
    if any(name not in defined for name in names):
        raise errors.invalid_parameter("One element in SearchSchema is not defined in attribute definitions")
    # The vector counts among what is projected; the table's own keys do not.
    projected = {*names, *index["Projection"].get("NonKeyAttributes", ())}
    if len(projected) >= MOST_VECTOR_ATTRIBUTES:
        raise errors.invalid_parameter(
            f"Number of projected attributes exceeds the per-index limit of {MOST_VECTOR_ATTRIBUTES}"
        )


def check_vector_attribute(index: Mapping[str, Any], defined: Sequence[str]) -> None:
    attribute = index["VectorAttribute"]["AttributeName"]
    if attribute in defined:
        raise errors.invalid_parameter(
            f"Conflicting attribute definition for '{attribute}'. An attribute cannot be defined in "
            "AttributeDefinitions when used as a VectorAttribute."
        )


def check_same_dimensions(vectors: Sequence[tuple[str, int]]) -> None:
    """Several vector indexes may share an attribute, if they agree on its length."""
    known: dict[str, int] = {}
    for attribute, dimensions in vectors:
        if known.setdefault(attribute, dimensions) != dimensions:
            raise errors.invalid_parameter(
                f"Conflicting attribute definition for '{attribute}'. All VectorIndexes on the same vector attribute "
                "must use the same dimensions."
            )


def _check_unique(name: str, names: set[str]) -> None:
    if name in names:
        raise errors.invalid_parameter(f"Duplicate index name: {name}")
    names.add(name)


def check_all_used(req: Mapping[str, Any], defined: Sequence[str]) -> None:
    """Attributes are defined for keys only; that one is a vector is refused elsewhere."""
    schemas = [req.get("KeySchema") or []]
    for parameter in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        schemas += [index["KeySchema"] for index in req.get(parameter) or []]
    schemas += [index.get("SearchSchema", []) for index in req.get("VectorIndexes") or []]
    used = dict.fromkeys(element["AttributeName"] for schema in schemas for element in schema)
    searched = {index["VectorAttribute"]["AttributeName"] for index in req.get("VectorIndexes") or []}
    if any(name not in used and name not in searched for name in defined):
        raise errors.invalid_parameter(
            "Some AttributeDefinitions are not used. "
            f"AttributeDefinitions: [{_definitions_listed(defined)}], keys used: [{_keys_listed(used)}]"
        )
