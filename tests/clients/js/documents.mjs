// DynamoDB with the document client of the AWS SDK for JavaScript v3: native values there and back, pages, errors' classes.
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  TransactionCanceledException,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  ExecuteStatementCommand,
  GetCommand,
  paginateQuery,
  PutCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";

const client = new DynamoDBClient({ maxAttempts: 1 });
const documents = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
const TableName = "documents";

await client.send(
  new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" },
      { AttributeName: "sk", AttributeType: "N" },
    ],
  }),
);
await waitUntilTableExists({ client, minDelay: 1, maxDelay: 2, maxWaitTime: 30 }, { TableName });

const Key = { pk: "a", sk: 1 };
const Item = { ...Key, list: [1, "two", { three: null }], tags: new Set(["x", "y"]), raw: new Uint8Array([0, 255]), gone: undefined };
await documents.send(new PutCommand({ TableName, Item }));
const got = (await documents.send(new GetCommand({ TableName, Key }))).Item;

const { Attributes: updated } = await documents.send(
  new UpdateCommand({
    TableName,
    Key,
    UpdateExpression: "SET #l[0] = #l[0] + :one ADD tags :tags",
    ExpressionAttributeNames: { "#l": "list" },
    ExpressionAttributeValues: { ":one": 1, ":tags": new Set(["z"]) },
    ReturnValues: "UPDATED_NEW",
  }),
);

const requests = [...Array(20).keys()].map((sk) => ({ PutRequest: { Item: { pk: "b", sk } } }));
await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: requests } }));
const found = [];
const query = { TableName, KeyConditionExpression: "pk = :p", ExpressionAttributeValues: { ":p": "b" } };
for await (const page of paginateQuery({ client: documents, pageSize: 7 }, query)) {
  found.push(page.Items.map((item) => item.sk));
}

const classes = [];
try {
  const condition = { ConditionExpression: "attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure: "ALL_OLD" };
  await documents.send(new PutCommand({ TableName, Item: Key, ...condition }));
} catch (error) {
  classes.push([error instanceof ConditionalCheckFailedException, error.message, error.Item.sk]);
}
try {
  const Put = { TableName, Item: Key, ConditionExpression: "attribute_not_exists(pk)" };
  await documents.send(new TransactWriteCommand({ TransactItems: [{ Put }] }));
} catch (error) {
  classes.push([error instanceof TransactionCanceledException, error.message, error.CancellationReasons[0].Code]);
}
const { Items } = await documents.send(
  new ExecuteStatementCommand({ Statement: `SELECT sk FROM ${TableName} WHERE pk = ? AND sk > ?`, Parameters: ["b", 17] }),
);
console.log(
  JSON.stringify({
    list: got.list,
    tags: [...got.tags].sort(),
    raw: [...got.raw],
    names: Object.keys(got).sort(),
    updated: { list: updated.list, tags: [...updated.tags].sort() },
    found,
    classes,
    selected: Items.map((item) => item.sk),
  }),
);
