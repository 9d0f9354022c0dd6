"""Fed by the queue: reads each stored item back and marks it as seen."""

import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    for record in event["Records"]:
        answer = table.update_item(
            Key={"id": record["body"]},
            UpdateExpression="SET seen = :yes",
            ExpressionAttributeValues={":yes": True},
            ReturnValues="ALL_NEW",
        )
        print("seen", answer["Attributes"]["id"], answer["Attributes"]["text"])
