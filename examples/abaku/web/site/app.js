// The page: a list of invoices, one invoice, a form for a new one, and what happens, live.
import { attach, cancelInvoice, createInvoice, getInvoice, listInvoices } from './api.js';
import { day, el, money, time } from './dom.js';
import { listen } from './live.js';
import { currentUser, signIn, signOut } from './session.js';

const MOST_NEWS = 30;
const state = { user: undefined, invoices: [], shown: undefined, news: [], live: false, error: '', fresh: '' };

const NEWS = {
  InvoiceIssued: ({ number, customer, amountCents, currency }) =>
    `${number} issued to ${customer.name}, ${money(amountCents, currency)}`,
  InvoicePaid: ({ number, amountCents, currency }) => `${number} is paid: ${money(amountCents, currency)}`,
  InvoiceCancelled: ({ number }) => `${number} cancelled`,
  PaymentReceived: ({ number, payer, amount }) => `${amount} came from ${payer} for ${number}`,
  PaymentUnmatched: ({ payer, amount, number }) => `${amount} from ${payer} matches no open invoice (${number || 'no reference'})`,
  ReminderSent: ({ number, reminder }) => `Reminder ${reminder} sent for ${number}`,
  DebtHandedOver: ({ number }) => `${number} was handed over to the desk`,
  CollectionClosed: ({ number, outcome }) => `Collection of ${number} ended: ${outcome.toLowerCase().replace('_', ' ')}`,
};

async function start() {
  state.user = await currentUser();
  if (!state.user) return render();
  addEventListener('popstate', () => guard(load));
  render();
  await guard(load);
  listen(onNews, onConnection);
}

async function guard(work) {
  try {
    state.error = '';
    await work();
  } catch (error) {
    state.error = error.message;
  }
  render();
}

async function load() {
  const number = location.pathname.match(/^\/invoices\/([\w-]+)$/)?.[1];
  [state.invoices, state.shown] = await Promise.all([listInvoices(), number && getInvoice(number)]);
}

function onNews(news) {
  state.news = [news, ...state.news].slice(0, MOST_NEWS);
  state.fresh = news.detail.number;
  guard(load);
}

// Whoever comes back asks what has happened meanwhile.
function onConnection(live) {
  state.live = live;
  if (live) guard(load);
  else render();
}

function go(path) {
  history.pushState(null, '', path);
  guard(load);
}

// --- what is shown ---------------------------------------------------------------------------------------------

function render() {
  if (!state.user) return document.body.replaceChildren(welcome());
  if (!document.querySelector('main')) document.body.replaceChildren(...frame());
  document.querySelector('header').replaceWith(header());
  document.querySelector('.work').replaceChildren(...content());
  document.querySelector('.news').replaceWith(news());
  document.querySelector('#new-invoice .problem').textContent = state.shown ? '' : state.error;
}

// Made once: whatever happens meanwhile, a form keeps what was typed into it.
function frame() {
  const side = el('aside', {}, newInvoice(), el('section', { class: 'news' }));
  return [el('header'), el('main', {}, el('div', { class: 'work' }), side)];
}

const content = () => (state.shown ? [oneInvoice(state.shown)] : [summary(), invoiceTable()]);

function welcome() {
  return el('section', { class: 'welcome' },
    el('img', { src: '/logo.svg', alt: '' }),
    el('h1', {}, 'Abaku'),
    el('p', {}, 'Invoices that look after themselves: issued in a minute, matched with your bank, reminded on time.'),
    el('button', { class: 'primary', id: 'sign-in', onclick: signIn }, 'Sign in or open an account'));
}

function header() {
  return el('header', {},
    el('a', { class: 'brand', href: '/', onclick: follow }, el('img', { src: '/logo.svg', alt: '' }), 'Abaku'),
    el('span', { class: state.live ? 'live on' : 'live', id: 'live' }, state.live ? 'Live' : 'Connecting'),
    el('span', { class: 'firm', title: state.user.email }, state.user.name),
    el('button', { class: 'quiet', onclick: signOut }, 'Sign out'));
}

function follow(event) {
  event.preventDefault();
  go(event.currentTarget.getAttribute('href'));
}

function summary() {
  const card = (title, invoices, kind) => {
    const sums = Object.entries(Object.groupBy(invoices, ({ currency }) => currency))
      .map(([currency, group]) => money(group.reduce((sum, { amountCents }) => sum + amountCents, 0), currency));
    const count = `${invoices.length} ${invoices.length === 1 ? 'invoice' : 'invoices'}`;
    return el('div', { class: `card ${kind}` },
      el('span', {}, title), el('strong', {}, sums.join(' + ') || money(0, 'EUR')), el('small', {}, count));
  };
  const open = state.invoices.filter(({ status }) => status === 'OPEN');
  return el('div', { class: 'cards' },
    card('Open', open.filter(({ reminders }) => reminders === 0), 'open'),
    card('Reminded', open.filter(({ reminders }) => reminders > 0), 'late'),
    card('Paid', state.invoices.filter(({ status }) => status === 'PAID'), 'paid'));
}

function invoiceTable() {
  if (state.invoices.length === 0) {
    return el('section', { class: 'box empty' }, el('h2', {}, 'No invoices yet'), el('p', {}, 'Issue the first one on the right.'));
  }
  const row = (invoice) => el('tr', {
    class: invoice.number === state.fresh ? 'fresh' : '', 'data-number': invoice.number,
    onclick: () => go(`/invoices/${invoice.number}`),
  },
  el('td', {}, el('a', { href: `/invoices/${invoice.number}`, onclick: (event) => event.preventDefault() }, invoice.number)),
  el('td', {}, invoice.customer.name),
  el('td', {}, day(invoice.dueOn)),
  el('td', {}, badge(invoice)),
  el('td', { class: 'amount' }, money(invoice.amountCents, invoice.currency)));
  const titles = ['Number', 'Customer', 'Due', 'Status', 'Amount'];
  return el('section', { class: 'box' },
    el('h2', {}, 'Invoices'),
    el('table', { id: 'invoices' },
      el('thead', {}, el('tr', {}, titles.map((title) => el('th', { class: title === 'Amount' ? 'amount' : '' }, title)))),
      el('tbody', {}, state.invoices.map(row))));
}

function badge({ status, reminders, handedOver, paidOn }) {
  const [kind, text] = {
    PAID: ['paid', `Paid${paidOn ? ` ${day(paidOn)}` : ''}`],
    CANCELLED: ['gone', 'Cancelled'],
    OPEN: handedOver ? ['desk', 'With the desk'] : reminders ? ['late', `Reminded ${reminders}×`] : ['open', 'Open'],
  }[status];
  return el('span', { class: `badge ${kind}` }, text);
}

function oneInvoice(invoice) {
  const { number, currency } = invoice;
  const line = ({ text, quantity, unitPriceCents }) => el('tr', {},
    el('td', {}, text), el('td', { class: 'amount' }, String(quantity)),
    el('td', { class: 'amount' }, money(unitPriceCents, currency)),
    el('td', { class: 'amount' }, money(quantity * unitPriceCents, currency)));
  const upload = el('input', { type: 'file', id: 'file', onchange: ({ target }) => guard(() => send(number, target.files[0])) });
  return el('section', { class: 'box invoice' },
    el('a', { href: '/', class: 'back', onclick: follow }, '← All invoices'),
    el('div', { class: 'title' }, el('h2', {}, `Invoice ${number}`), badge(invoice)),
    el('dl', {},
      el('dt', {}, 'From'), el('dd', {}, invoice.issuer),
      el('dt', {}, 'To'), el('dd', {}, `${invoice.customer.name}, ${invoice.customer.phone}`),
      el('dt', {}, 'Issued'), el('dd', {}, day(invoice.issuedOn)),
      el('dt', {}, 'Due'), el('dd', {}, day(invoice.dueOn))),
    el('table', {},
      el('thead', {}, el('tr', {}, ['Item', 'Quantity', 'Price', 'Total'].map((title, at) => el('th', { class: at ? 'amount' : '' }, title)))),
      el('tbody', {}, invoice.lines.map(line)),
      el('tfoot', {}, el('tr', {}, el('td', { colspan: 3 }, 'To pay'), el('td', { class: 'amount' }, money(invoice.amountCents, currency))))),
    el('h3', {}, 'Attachments'),
    el('ul', { id: 'attachments' }, invoice.attachments.map(({ name, sizeBytes }) => el('li', {}, `${name} (${sizeBytes} bytes)`))),
    el('div', { class: 'actions' },
      el('label', { class: 'button', for: 'file' }, 'Attach a file'), upload,
      invoice.status === 'OPEN' && el('button', { class: 'danger', id: 'cancel', onclick: () => guard(() => cancel(number)) }, 'Cancel this invoice')),
    el('p', { class: 'problem' }, state.error));
}

async function send(number, file) {
  await attach(number, file);
  // The bucket's event records the file a moment later.
  const known = state.shown.attachments.length;
  for (let pause = 100; pause < 5000 && state.shown.attachments.length === known; pause *= 2) {
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    await load();
  }
}

async function cancel(number) {
  await cancelInvoice(number);
  await load();
}

function newInvoice() {
  const field = (label, properties) => el('label', {}, label, el('input', { required: true, ...properties }));
  return el('form', { class: 'box', id: 'new-invoice', onsubmit: issue },
    el('h2', {}, 'New invoice'),
    field('Customer', { name: 'customer', placeholder: 'Brno Bikes', maxlength: 200 }),
    field('Phone', { name: 'phone', type: 'tel', placeholder: '+420601234567', pattern: '\\+[1-9][0-9]{6,14}' }),
    field('For', { name: 'text', placeholder: 'Logo and letterhead', maxlength: 500 }),
    el('div', { class: 'pair' },
      field('Amount in EUR', { name: 'amount', inputmode: 'decimal', placeholder: '1210.00', pattern: '[0-9]{1,7}([.][0-9]{2})?' }),
      field('Due in days', { name: 'days', type: 'number', value: 14, min: 0, max: 90 })),
    el('p', { class: 'problem' }),
    el('button', { class: 'primary' }, 'Issue invoice'));
}

async function issue(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const { customer, phone, text, amount, days } = Object.fromEntries(new FormData(form));
  await guard(async () => {
    const invoice = await createInvoice({
      customer: { name: customer, phone },
      lines: [{ text, quantity: 1, unitPriceCents: Math.round(Number(amount) * 100) }],
      dueInDays: Number(days),
    });
    state.fresh = invoice.number;
    form.reset();
    await load();
  });
}

function news() {
  const item = ({ type, source, at, detail }) => el('li', { class: source, 'data-type': type },
    el('span', {}, NEWS[type]?.(detail) ?? type), el('small', {}, `${source} · ${time(at)}`));
  return el('section', { class: 'box news' },
    el('h2', {}, 'What happens'),
    state.news.length === 0 ? el('p', { class: 'hint' }, 'Payments, reminders and more appear here by themselves.') : el('ol', { id: 'news' }, state.news.map(item)));
}

start();
