"""DynamoDB's expressions: condition, filter, key condition, projection and update.

    text -> tokens (lexer) -> tree (parser, syntax) -> plan (names bound; cached) -> checked against values, applied

What depends on the text alone, or on the text and the names, is done once and cached; with the values come only a
membership test and the type checks. AWS reports the first error in a fixed order; that order is written down in
`condition` and `update`.

`request.Expressions` is the door: it takes a request's expressions, names and values together, since unused names
and values are an error of the request as a whole.
"""
