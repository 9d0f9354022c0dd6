"""Keeps what payments have to know of invoices, by the events of invoicing. They may come twice, and in any order."""

import os

import boto3

payments = boto3.resource("dynamodb").Table(os.environ["PAYMENTS"])


def handler(event, context):
    invoice = event["detail"]
    key = {"pk": f"OWNER#{invoice['owner']}", "sk": f"INVOICE#{invoice['number']}"}
    if event["detail-type"] == "InvoiceIssued":
        # A status that is there already is newer than this event.
        payments.update_item(
            Key=key,
            UpdateExpression="SET #status = if_not_exists(#status, :open), amountCents = :amount, currency = :currency",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":open": "OPEN",
                ":amount": invoice["amountCents"],
                ":currency": invoice["currency"],
            },
        )
    else:
        payments.update_item(
            Key=key,
            UpdateExpression="SET #status = :cancelled",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":cancelled": "CANCELLED"},
        )
