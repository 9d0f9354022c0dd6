// Who is looking at the page, in the table.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';

const TableName = process.env.CONNECTIONS;
const LONGEST_SECONDS = 2 * 3600; // API Gateway ends connections after two hours
const client = DynamoDBDocumentClient.from(new DynamoDBClient());

export async function add(owner, connectionId, connectedAtMs) {
  const expiresAt = Math.ceil(connectedAtMs / 1000) + LONGEST_SECONDS;
  await client.send(new PutCommand({ TableName, Item: { owner, connectionId, expiresAt } }));
}

export async function remove(owner, connectionId) {
  await client.send(new DeleteCommand({ TableName, Key: { owner, connectionId } }));
}

export async function list(owner) {
  const { Items } = await client.send(new QueryCommand({
    TableName,
    KeyConditionExpression: '#owner = :owner',
    ExpressionAttributeNames: { '#owner': 'owner' },
    ExpressionAttributeValues: { ':owner': owner },
  }));
  return Items.map((item) => item.connectionId);
}
