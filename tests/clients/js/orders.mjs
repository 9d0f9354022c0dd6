// A single-table application with the document client: numbers beyond a double, sparse indexes, optimistic locking, counters
// in transactions, batches that read, parallel scans, PartiQL in batches, time to live.
import {
  CreateTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  TransactionCanceledException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
  waitUntilTableNotExists,
  DeleteTableCommand,
} from "@aws-sdk/client-dynamodb";
import {
  BatchExecuteStatementCommand,
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  NumberValue,
  paginateScan,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const client = new DynamoDBClient({ maxAttempts: 1 });
const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { convertClassInstanceToMap: true } });
const exact = DynamoDBDocumentClient.from(new DynamoDBClient({ maxAttempts: 1 }), { unmarshallOptions: { wrapNumbers: true } });
const TableName = "orders";
const key = (pk, sk) => ({ pk, sk });

await client.send(
  new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
    AttributeDefinitions: ["pk", "sk", "open"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    GlobalSecondaryIndexes: [
      {
        IndexName: "open",
        KeySchema: [
          { AttributeName: "open", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  }),
);
await waitUntilTableExists({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 }, { TableName });

// Numbers that a double does not hold.
const big = "12345678901234567890123456789012345678";
await documents.send(new PutCommand({ TableName, Item: { ...key("n", "1"), big: NumberValue.from(big), many: 9007199254740993n } }));
const numbers = (await exact.send(new GetCommand({ TableName, Key: key("n", "1") }))).Item;

// Orders that are open stand in a sparse index, and leave it when they close.
class Order {
  constructor(sk) {
    Object.assign(this, { ...key("c#1", sk), open: "y", version: 1, at: new Date(0).toISOString() });
  }
}
const puts = ["o#1", "o#2", "o#3"].map((sk) => ({ PutRequest: { Item: new Order(sk) } }));
await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
const close = (sk, version) =>
  documents.send(
    new UpdateCommand({
      TableName,
      Key: key("c#1", sk),
      UpdateExpression: "SET version = version + :one REMOVE #o",
      ConditionExpression: "version = :v",
      ExpressionAttributeNames: { "#o": "open" },
      ExpressionAttributeValues: { ":one": 1, ":v": version },
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
const closed = (await close("o#2", 1)).Attributes;
const stale = await close("o#2", 1).catch((error) => [error.name, error.Item.version.N]);
const open = async () => {
  const names = { ExpressionAttributeNames: { "#o": "open" }, ExpressionAttributeValues: { ":y": "y" } };
  const page = await documents.send(new QueryCommand({ TableName, IndexName: "open", KeyConditionExpression: "#o = :y", ...names }));
  return page.Items.map((item) => item.sk);
};
const stillOpen = await open();

// A counter and an order in one transaction; one that fails tells which of its parts did, and why.
const place = (sk, ClientRequestToken) =>
  documents.send(
    new TransactWriteCommand({
      ClientRequestToken,
      TransactItems: [
        { Update: { TableName, Key: key("c#1", "count"), UpdateExpression: "ADD n :one", ExpressionAttributeValues: { ":one": 1 } } },
        { Put: { TableName, Item: new Order(sk), ConditionExpression: "attribute_not_exists(pk)" } },
      ],
    }),
  );
await place("o#4", "once");
await place("o#4", "once");
const refused = await place("o#1").catch((error) => [
  error instanceof TransactionCanceledException,
  error.CancellationReasons.map((reason) => reason.Code),
]);
const both = await documents.send(
  new TransactGetCommand({ TransactItems: ["count", "none"].map((sk) => ({ Get: { TableName, Key: key("c#1", sk) } })) }),
);
const got = await documents.send(
  new BatchGetCommand({
    RequestItems: { [TableName]: { Keys: ["o#1", "o#4", "none"].map((sk) => key("c#1", sk)), ProjectionExpression: "sk" } },
  }),
);

// A parallel scan finds every item once.
const segments = [0, 1, 2].map(async (Segment) => {
  const seen = [];
  const pages = paginateScan({ client: documents, pageSize: 2 }, { TableName, Segment, TotalSegments: 3 });
  for await (const page of pages) seen.push(...page.Items.map((item) => item.sk));
  return seen;
});
const scanned = (await Promise.all(segments)).flat().sort();

// A batch writes or reads, never both.
const statements = (...Statements) => documents.send(new BatchExecuteStatementCommand({ Statements }));
const batch = [
  await statements(
    { Statement: `UPDATE ${TableName} SET note = ? WHERE pk = ? AND sk = ?`, Parameters: ["late", "c#1", "o#3"] },
    { Statement: `DELETE FROM ${TableName} WHERE pk = ? AND sk = ? AND version = ?`, Parameters: ["c#1", "o#1", 7] },
  ),
  await statements({ Statement: `SELECT * FROM ${TableName} WHERE pk = ? AND sk = ?`, Parameters: ["c#1", "count"] }),
].flatMap((answer) => answer.Responses);
const { Attributes: old } = await documents.send(new DeleteCommand({ TableName, Key: key("c#1", "o#3"), ReturnValues: "ALL_OLD" }));

await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true } }));
const { TimeToLiveDescription: expiry } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
await client.send(new DeleteTableCommand({ TableName }));
await waitUntilTableNotExists({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 }, { TableName });
const gone = await documents.send(new GetCommand({ TableName, Key: key("a", "b") })).catch((error) => error.name);

console.log(
  JSON.stringify({
    numbers: [numbers.big.toString(), numbers.many.toString()],
    closed: [closed.version, "open" in closed],
    stale,
    stillOpen,
    refused,
    both: both.Responses.map((it) => it.Item?.n ?? null),
    got: got.Responses[TableName].map((it) => it.sk).sort(),
    scanned,
    batch: batch.map((it) => it.Error?.Code ?? it.Item?.n ?? null),
    old: old.note,
    expiry,
    gone,
  }),
);
