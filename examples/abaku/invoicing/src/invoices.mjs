// A firm's invoices in the table. Amounts are whole cents; a number is unique within the firm, and without gaps.
import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, TransactWriteCommand, UpdateCommand,
} from '@aws-sdk/lib-dynamodb';

const table = process.env.INVOICES;
const client = DynamoDBDocumentClient.from(new DynamoDBClient());
const ATTEMPTS = 10;

export const partition = (owner) => `OWNER#${owner}`;
const invoiceKey = (owner, number) => ({ pk: partition(owner), sk: `INVOICE#${number}` });
const statusPk = (owner, status) => `${partition(owner)}#${status}`;

export async function putFirm(owner, name) {
  await client.send(new PutCommand({ TableName: table, Item: { pk: partition(owner), sk: 'FIRM', name } }));
}

// The counter moves on in the transaction that stores the invoice; whoever comes second tries again.
export async function createInvoice(owner, draft) {
  const year = draft.issuedOn.slice(0, 4);
  const counterKey = { pk: partition(owner), sk: `COUNTER#${year}` };
  const firm = await get({ pk: partition(owner), sk: 'FIRM' });
  for (let attempt = 1; ; attempt += 1) {
    const counter = await get(counterKey, true);
    const last = counter?.last ?? 0;
    const number = `${year}-${String(last + 1).padStart(4, '0')}`;
    const invoice = { number, owner, issuer: firm?.name ?? '', status: 'OPEN', reminders: 0, ...draft };
    try {
      await client.send(new TransactWriteCommand({ TransactItems: [moveCounter(counterKey, last), put(invoice)] }));
      return invoice;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException) || attempt === ATTEMPTS) throw error;
    }
  }
}

function moveCounter(key, last) {
  return {
    Update: {
      TableName: table,
      Key: key,
      UpdateExpression: 'SET #last = :next',
      ConditionExpression: 'attribute_not_exists(#last) OR #last = :last',
      ExpressionAttributeNames: { '#last': 'last' },
      ExpressionAttributeValues: { ':last': last, ':next': last + 1 },
    },
  };
}

function put(invoice) {
  const keys = {
    ...invoiceKey(invoice.owner, invoice.number),
    statusPk: statusPk(invoice.owner, invoice.status),
    dueSk: `${invoice.dueOn}#${invoice.number}`,
  };
  return { Put: { TableName: table, Item: { ...keys, ...invoice }, ConditionExpression: 'attribute_not_exists(pk)' } };
}

// Undefined where the firm has no such invoice.
export async function findInvoice(owner, number) {
  const item = await get(invoiceKey(owner, number), true);
  return item && withoutKeys(item);
}

export async function listInvoices(owner, status, next) {
  const byStatus = {
    IndexName: 'byStatus',
    KeyConditionExpression: 'statusPk = :status',
    ExpressionAttributeValues: { ':status': statusPk(owner, status) },
  };
  const all = {
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :kind)',
    ExpressionAttributeValues: { ':pk': partition(owner), ':kind': 'INVOICE#' },
    ScanIndexForward: false,
  };
  const page = { TableName: table, Limit: 50, ExclusiveStartKey: next, ...(status ? byStatus : all) };
  const found = await client.send(new QueryCommand(page));
  return { invoices: found.Items.map(withoutKeys), next: found.LastEvaluatedKey };
}

export async function listAttachments(owner, number) {
  const found = await client.send(new QueryCommand({
    TableName: table,
    KeyConditionExpression: 'pk = :pk AND begins_with(sk, :kind)',
    ExpressionAttributeValues: { ':pk': partition(owner), ':kind': `FILE#${number}#` },
  }));
  return found.Items.map(({ name, sizeBytes }) => ({ name, sizeBytes }));
}

export async function putAttachment(owner, number, name, sizeBytes) {
  const Item = { pk: partition(owner), sk: `FILE#${number}#${name}`, name, sizeBytes };
  await client.send(new PutCommand({ TableName: table, Item }));
}

// An open invoice becomes PAID or CANCELLED, once. False where it is not open.
export async function closeInvoice(owner, number, status, paidOn) {
  return change(owner, number, {
    UpdateExpression: `SET #status = :status, statusPk = :statusPk${paidOn ? ', paidOn = :paidOn' : ''}`,
    ConditionExpression: '#status = :open',
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: {
      ':status': status, ':statusPk': statusPk(owner, status), ':open': 'OPEN', ...(paidOn && { ':paidOn': paidOn }),
    },
  });
}

// Events may come twice and in any order: the count of reminders only grows.
export async function noteReminder(owner, number, reminders) {
  return change(owner, number, {
    UpdateExpression: 'SET reminders = :reminders',
    ConditionExpression: 'reminders < :reminders',
    ExpressionAttributeValues: { ':reminders': reminders },
  });
}

export async function noteHandOver(owner, number) {
  return change(owner, number, {
    UpdateExpression: 'SET handedOver = :yes',
    ConditionExpression: 'attribute_exists(pk)',
    ExpressionAttributeValues: { ':yes': true },
  });
}

async function get(Key, ConsistentRead = false) {
  return (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead }))).Item;
}

async function change(owner, number, update) {
  try {
    await client.send(new UpdateCommand({ TableName: table, Key: invoiceKey(owner, number), ...update }));
    return true;
  } catch (error) {
    if (error.name !== 'ConditionalCheckFailedException') throw error;
    return false;
  }
}

function withoutKeys({ pk, sk, statusPk: _status, dueSk, ...invoice }) {
  return invoice;
}
