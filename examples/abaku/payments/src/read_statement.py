"""A statement has come into the bucket: each of its rows becomes a message. Who owns it, the key's folder says.

id,date,amount,currency,reference,payer
B-1,2026-11-30,1210.00,EUR,2026-0001,Brno Bikes
"""

import csv
import io
import itertools
import json
import os
from urllib.parse import unquote_plus

import boto3

BATCH = 10
s3 = boto3.client("s3")
sqs = boto3.client("sqs")


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        owner = key.partition("/")[0]
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text))
        while batch := list(itertools.islice(rows, BATCH)):
            send([{"owner": owner, **row} for row in batch])


def send(rows):
    entries = [{"Id": str(at), "MessageBody": json.dumps(row)} for at, row in enumerate(rows)]
    failed = sqs.send_message_batch(QueueUrl=os.environ["ROWS"], Entries=entries).get("Failed", [])
    if failed:
        # S3's event is delivered again. Rows that were sent already do no harm: the bank's id makes payments unique.
        raise RuntimeError(f"{len(failed)} rows were not sent: {failed[0]['Message']}")
