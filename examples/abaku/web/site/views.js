// How the page's parts look. They get what they show and what a click does, and know nothing else.
import { day, el, money, time } from './dom.js';

const NEWS = {
  InvoiceIssued: ({ number, customer, amountCents, currency }) =>
    `${number} issued to ${customer.name}, ${money(amountCents, currency)}`,
  InvoicePaid: ({ number, amountCents, currency }) => `${number} is paid: ${money(amountCents, currency)}`,
  InvoiceCancelled: ({ number }) => `${number} cancelled`,
  PaymentReceived: ({ number, payer, amount }) => `${amount} came from ${payer} for ${number}`,
  PaymentUnmatched: ({ number, payer, amount }) => `${amount} from ${payer} matches no open invoice (${number})`,
  ReminderSent: ({ number, reminder }) => `Reminder ${reminder} sent for ${number}`,
  DebtHandedOver: ({ number }) => `${number} was handed over to the desk`,
  CollectionClosed: ({ number, outcome }) =>
    `Collection of ${number} ended: ${outcome.toLowerCase().replace('_', ' ')}`,
};

// A link that changes the address without leaving the page.
function link(path, go, properties, ...children) {
  const onclick = (event) => {
    event.preventDefault();
    go(path);
  };
  return el('a', { href: path, onclick, ...properties }, ...children);
}

const heads = (titles, isAmount) =>
  el('thead', {}, el('tr', {}, titles.map((title, at) => el('th', { class: isAmount(at) ? 'amount' : '' }, title))));

export function welcome(signIn) {
  return el('section', { class: 'welcome' },
    el('img', { src: '/logo.svg', alt: '' }),
    el('h1', {}, 'Abaku'),
    el('p', {}, 'Invoices that look after themselves: issued in a minute, matched with your bank, reminded on time.'),
    el('button', { class: 'primary', id: 'sign-in', onclick: signIn }, 'Sign in or open an account'));
}

export function header({ user, live }, signOut, go) {
  return el('header', {},
    link('/', go, { class: 'brand' }, el('img', { src: '/logo.svg', alt: '' }), 'Abaku'),
    el('span', { class: live ? 'live on' : 'live', id: 'live' }, live ? 'Live' : 'Connecting'),
    el('span', { class: 'firm', title: user.email }, user.name),
    el('button', { class: 'quiet', onclick: signOut }, 'Sign out'));
}

export function invoiceList({ invoices, fresh }, go) {
  return [summary(invoices), invoices.length === 0 ? nothingYet() : table(invoices, fresh, go)];
}

function summary(invoices) {
  const open = invoices.filter(({ status }) => status === 'OPEN');
  return el('div', { class: 'cards' },
    card('Open', 'open', open.filter(({ reminders }) => reminders === 0)),
    card('Reminded', 'late', open.filter(({ reminders }) => reminders > 0)),
    card('Paid', 'paid', invoices.filter(({ status }) => status === 'PAID')));
}

function card(title, kind, invoices) {
  const sums = {};
  for (const { currency, amountCents } of invoices) sums[currency] = (sums[currency] ?? 0) + amountCents;
  const shown = Object.entries(sums).map(([currency, cents]) => money(cents, currency)).join(' + ');
  return el('div', { class: `card ${kind}` },
    el('span', {}, title),
    el('strong', {}, shown || money(0, 'EUR')),
    el('small', {}, `${invoices.length} ${invoices.length === 1 ? 'invoice' : 'invoices'}`));
}

function nothingYet() {
  return el('section', { class: 'box empty' },
    el('h2', {}, 'No invoices yet'), el('p', {}, 'Issue the first one on the right.'));
}

function table(invoices, fresh, go) {
  const row = (invoice) => {
    const { number, customer, dueOn, amountCents, currency } = invoice;
    const path = `/invoices/${number}`;
    return el('tr', { class: number === fresh ? 'fresh' : '', 'data-number': number },
      el('td', {}, link(path, go, {}, number)),
      el('td', {}, customer.name),
      el('td', {}, day(dueOn)),
      el('td', {}, badge(invoice)),
      el('td', { class: 'amount' }, money(amountCents, currency)));
  };
  return el('section', { class: 'box' },
    el('h2', {}, 'Invoices'),
    el('table', { id: 'invoices' },
      heads(['Number', 'Customer', 'Due', 'Status', 'Amount'], (at) => at === 4),
      el('tbody', {}, invoices.map(row))));
}

function badge({ status, reminders, handedOver, paidOn }) {
  const open = handedOver ? ['desk', 'With the desk'] : reminders ? ['late', `Reminded ${reminders}×`] : ['open', 'Open'];
  const [kind, text] = {
    OPEN: open,
    PAID: ['paid', paidOn ? `Paid ${day(paidOn)}` : 'Paid'],
    CANCELLED: ['gone', 'Cancelled'],
  }[status];
  return el('span', { class: `badge ${kind}` }, text);
}

export function oneInvoice({ shown: invoice, error }, acts) {
  const { number, issuer, customer, issuedOn, dueOn, status } = invoice;
  return el('section', { class: 'box invoice' },
    link('/', acts.back, { class: 'back' }, '← All invoices'),
    el('div', { class: 'title' }, el('h2', {}, `Invoice ${number}`), badge(invoice)),
    el('dl', {},
      el('dt', {}, 'From'), el('dd', {}, issuer),
      el('dt', {}, 'To'), el('dd', {}, `${customer.name}, ${customer.phone}`),
      el('dt', {}, 'Issued'), el('dd', {}, day(issuedOn)),
      el('dt', {}, 'Due'), el('dd', {}, day(dueOn))),
    lines(invoice),
    el('h3', {}, 'Attachments'),
    el('ul', { id: 'attachments' },
      invoice.attachments.map(({ name, sizeBytes }) => el('li', {}, `${name} (${sizeBytes} bytes)`))),
    el('div', { class: 'actions' },
      el('label', { class: 'button', for: 'file' }, 'Attach a file'),
      el('input', { type: 'file', id: 'file', onchange: ({ target }) => acts.upload(target.files[0]) }),
      status === 'OPEN' && el('button', { class: 'danger', id: 'cancel', onclick: acts.cancel }, 'Cancel this invoice')),
    el('p', { class: 'problem' }, error));
}

function lines({ lines: items, amountCents, currency }) {
  const amount = (text) => el('td', { class: 'amount' }, text);
  const row = ({ text, quantity, unitPriceCents }) => el('tr', {},
    el('td', {}, text),
    amount(String(quantity)),
    amount(money(unitPriceCents, currency)),
    amount(money(quantity * unitPriceCents, currency)));
  return el('table', {},
    heads(['Item', 'Quantity', 'Price', 'Total'], (at) => at > 0),
    el('tbody', {}, items.map(row)),
    el('tfoot', {}, el('tr', {}, el('td', { colspan: 3 }, 'To pay'), amount(money(amountCents, currency)))));
}

export function newInvoice(issue) {
  const field = (label, properties) => el('label', {}, label, el('input', { required: true, ...properties }));
  const onsubmit = (event) => {
    event.preventDefault();
    issue(event.currentTarget);
  };
  const amount = { name: 'amount', inputmode: 'decimal', placeholder: '1210.00', pattern: '[0-9]{1,7}([.][0-9]{2})?' };
  return el('form', { class: 'box', id: 'new-invoice', onsubmit },
    el('h2', {}, 'New invoice'),
    field('Customer', { name: 'customer', placeholder: 'Brno Bikes', maxlength: 200 }),
    field('Phone', { name: 'phone', type: 'tel', placeholder: '+420601234567', pattern: '\\+[1-9][0-9]{6,14}' }),
    field('For', { name: 'text', placeholder: 'Logo and letterhead', maxlength: 500 }),
    el('div', { class: 'pair' },
      field('Amount in EUR', amount),
      field('Due in days', { name: 'days', type: 'number', value: 14, min: 0, max: 90 })),
    el('p', { class: 'problem' }),
    el('button', { class: 'primary' }, 'Issue invoice'));
}

export function news(events) {
  const item = ({ type, source, at, detail }) => el('li', { class: source, 'data-type': type },
    el('span', {}, NEWS[type]?.(detail) ?? type), el('small', {}, `${source} · ${time(at)}`));
  const hint = el('p', { class: 'hint' }, 'Payments, reminders and more appear here by themselves.');
  return el('section', { class: 'box news' },
    el('h2', {}, 'What happens'),
    events.length === 0 ? hint : el('ol', { id: 'news' }, events.map(item)));
}
