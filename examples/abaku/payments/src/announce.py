"""A payment that was stored becomes an event: PaymentReceived where it pays an invoice, else PaymentUnmatched."""

import json

import boto3
from boto3.dynamodb.types import TypeDeserializer

bus = boto3.client("events")
deserialize = TypeDeserializer().deserialize
TOLD = ("owner", "paymentId", "number", "currency", "payer", "paidOn")


def handler(event, context):
    entries = [to_entry(record["dynamodb"]["NewImage"]) for record in event["Records"]]
    if bus.put_events(Entries=entries)["FailedEntryCount"]:
        raise RuntimeError("the bus did not take all events")  # the stream gives the batch again


def to_entry(image):
    payment = {name: deserialize(value) for name, value in image.items()}
    cents = int(payment["amountCents"])
    detail = {name: payment[name] for name in TOLD}
    detail |= {"amountCents": cents, "amount": f"{cents // 100}.{cents % 100:02} {payment['currency']}"}
    kind = "PaymentReceived" if payment["matched"] else "PaymentUnmatched"
    return {"Source": "payments", "DetailType": kind, "Detail": json.dumps(detail)}
