"""Amazon DynamoDB Streams: its own four operations on what services/dynamodb writes."""

from mrak.services.dynamodbstreams import operations

__all__ = ["operations"]
