"""DynamoDB's languages, pure: values, expressions, legacy conditions, PartiQL, and capacity arithmetic.

Nothing here reads a table or a clock. A request is parsed into a plan, and a plan is applied to an item:
`plan.apply(old) -> new`, `condition.test(item) -> bool`.

An **item** is a dict from attribute name to attribute value; an **attribute value** is AWS's wire form, a dict
with exactly one type key: `{"S": "x"}`, `{"N": "1"}`, `{"B": b".."}`, `{"L": [...]}`, `{"M": {...}}`. Binaries are
`bytes`. Numbers are strings in canonical form (`values.check_value` makes them so), which is why two equal numbers
are equal strings. Values are shared freely between items and never changed in place once they are checked.
"""
