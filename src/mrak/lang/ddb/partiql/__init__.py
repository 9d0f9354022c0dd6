"""PartiQL as DynamoDB speaks it: one statement to a tree whose conditions and updates are those of expressions.

A statement's WHERE becomes a condition tree and its SET and REMOVE clauses update actions, with every attribute name
and every literal behind a placeholder. So evaluation, type checks and capacity are the same code as for expressions;
only the grammar is PartiQL's. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""
