"""What a user of Powertools for AWS Lambda (Python) writes: a logger, metrics, a batch, an idempotent payment."""

import os
import uuid

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

logger = Logger(service="shop")
metrics = Metrics(namespace="Shop", service="shop")
processor = BatchProcessor(event_type=EventType.SQS)
payments = DynamoDBPersistenceLayer(table_name=os.environ.get("TABLE", "none"))


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def telling(event, context):
    logger.info("sold", extra={"order": event["order"]})
    metrics.add_metric(name="Sold", unit=MetricUnit.Count, value=1)
    return {"cold": True}


def take(record):
    if "bad" in record.body:
        raise ValueError(record.body)
    logger.info("took", extra={"body": record.body})


def batch(event, context):
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)


@idempotent(persistence_store=payments, config=IdempotencyConfig(event_key_jmespath="order"))
def paying(event, context):
    return {"payment": str(uuid.uuid4())}
