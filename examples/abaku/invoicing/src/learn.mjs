// What the other contexts say: who a firm is, and what has become of its invoices.
import { closeInvoice, noteHandOver, noteReminder, putFirm } from './invoices.mjs';

const heard = {
  AccountOpened: ({ owner, firm }) => putFirm(owner, firm),
  PaymentReceived: ({ owner, number, paidOn }) => closeInvoice(owner, number, 'PAID', paidOn),
  ReminderSent: ({ owner, number, reminder }) => noteReminder(owner, number, reminder),
  DebtHandedOver: ({ owner, number }) => noteHandOver(owner, number),
};

export async function handler(event) {
  const changed = await heard[event['detail-type']](event.detail);
  if (changed === false) console.log(`${event['detail-type']} changed nothing:`, JSON.stringify(event.detail));
}
