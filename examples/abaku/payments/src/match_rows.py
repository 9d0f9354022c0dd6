"""Rows of statements, from the queue: a row that names an open invoice and its exact amount pays it.

The payment and the invoice's new status are one transaction. A row that comes twice (the same statement dropped again,
a message delivered again) finds its payment there. Only the rows that failed go back to the queue.
"""

import json
import os
from datetime import date
from decimal import Decimal, InvalidOperation

import boto3

payments = boto3.resource("dynamodb").Table(os.environ["PAYMENTS"])
client = payments.meta.client


def handler(event, context):
    failed = []
    for record in event["Records"]:
        try:
            take(parse(json.loads(record["body"])))
        except Exception as error:
            # Whatever is wrong with one row, the others of the batch are not to suffer for it.
            print(f"row {record['messageId']} failed: {error!r}: {record['body']}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def parse(row):
    """The payment that a row speaks of. Raises where it speaks of none."""
    try:
        cents = Decimal(row["amount"]) * 100
    except InvalidOperation:
        raise ValueError(f"{row['amount']!r} is no amount") from None
    if cents != cents.to_integral_value() or cents <= 0 or not row["id"]:
        raise ValueError("a row needs an id, and an amount in whole cents")
    return {
        "pk": f"OWNER#{row['owner']}",
        "sk": f"PAYMENT#{row['id']}",
        "owner": row["owner"],
        "paymentId": row["id"],
        "number": row["reference"].strip() or "unknown",
        "amountCents": int(cents),
        "currency": row["currency"],
        "payer": row["payer"],
        "paidOn": date.fromisoformat(row["date"]).isoformat(),
    }


def take(payment):
    pays = pay_invoice(payment)
    known = {"ConditionExpression": "attribute_not_exists(pk)"}
    try:
        client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": payments.name, "Item": payment | {"matched": True}, **known}},
                {"Update": pays},
            ]
        )
    except client.exceptions.TransactionCanceledException as error:
        payment_refused, invoice_refused = (reason["Code"] for reason in error.response["CancellationReasons"])
        if payment_refused == "ConditionalCheckFailed":
            print(f"payment {payment['paymentId']} is known already")
        elif invoice_refused == "ConditionalCheckFailed":
            keep_unmatched(payment)
        else:
            raise  # a conflict with another transaction: the queue gives the row again


def pay_invoice(payment):
    return {
        "TableName": payments.name,
        "Key": {"pk": payment["pk"], "sk": f"INVOICE#{payment['number']}"},
        "UpdateExpression": "SET #status = :paid, paymentId = :payment",
        "ConditionExpression": "#status = :open AND amountCents = :amount AND currency = :currency",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":paid": "PAID",
            ":open": "OPEN",
            ":payment": payment["paymentId"],
            ":amount": payment["amountCents"],
            ":currency": payment["currency"],
        },
    }


def keep_unmatched(payment):
    """No open invoice has this number and amount: a person has to look at it, and is told."""
    try:
        payments.put_item(Item=payment | {"matched": False}, ConditionExpression="attribute_not_exists(pk)")
    except client.exceptions.ConditionalCheckFailedException:
        print(f"payment {payment['paymentId']} is known already")
