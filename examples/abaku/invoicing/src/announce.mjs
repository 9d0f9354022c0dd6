// Changes of invoices in the table's stream become events on the bus. A batch that fails is read again, so an event may
// be announced twice: whoever listens has to bear that.
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';

const bus = new EventBridgeClient();
const TYPES = { OPEN: 'InvoiceIssued', PAID: 'InvoicePaid', CANCELLED: 'InvoiceCancelled' };

export async function handler(event) {
  const Entries = event.Records.map(toEntry).filter(Boolean);
  if (Entries.length === 0) return;
  const { FailedEntryCount } = await bus.send(new PutEventsCommand({ Entries }));
  if (FailedEntryCount > 0) throw new Error(`${FailedEntryCount} events were not taken.`);
}

function toEntry({ dynamodb }) {
  const before = dynamodb.OldImage && unmarshall(dynamodb.OldImage);
  const invoice = unmarshall(dynamodb.NewImage);
  if (before?.status === invoice.status) return undefined;
  const { owner, number, issuer, customer, amountCents, currency, dueOn, paidOn } = invoice;
  const detail = { owner, number, issuer, customer, amountCents, currency, dueOn, paidOn };
  return { Source: 'invoicing', DetailType: TYPES[invoice.status], Detail: JSON.stringify(detail) };
}
