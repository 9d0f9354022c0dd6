// What a user of Powertools for AWS Lambda (TypeScript) writes; the AWS SDK is Lambda's own, not in the package.
import { randomUUID } from "node:crypto";
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";

const logger = new Logger({ serviceName: "shop" });
const metrics = new Metrics({ namespace: "Shop", serviceName: "shop" });
const processor = new BatchProcessor(EventType.SQS);
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.TABLE ?? "none" });

export const telling = async (event, context) => {
  logger.addContext(context);
  logger.info("sold", { order: event.order });
  metrics.addMetric("Sold", MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
  return { cold: true };
};

const take = async (record) => {
  if (record.body.includes("bad")) throw new Error(record.body);
  logger.info("took", { body: record.body });
};

export const batch = async (event, context) => processPartialResponse(event, take, processor, { context });

export const paying = makeIdempotent(async () => ({ payment: randomUUID() }), {
  persistenceStore,
  config: new IdempotencyConfig({ eventKeyJmesPath: "order" }),
});
