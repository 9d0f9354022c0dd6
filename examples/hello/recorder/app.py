"""Stores what is posted into a table and sends its id to a queue."""

import json
import os
import uuid

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
queue = boto3.resource("sqs").Queue(os.environ["QUEUE_URL"])


def handler(event, context):
    item = {"id": str(uuid.uuid4()), "text": json.loads(event["body"])["text"]}
    table.put_item(Item=item)
    queue.send_message(MessageBody=item["id"])
    print("recorded", item["id"])
    return {"statusCode": 201, "headers": {"content-type": "application/json"}, "body": json.dumps(item)}
