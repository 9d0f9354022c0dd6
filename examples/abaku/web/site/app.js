// The page: what it knows, where that comes from, and what a click does. How it looks is in views.js.
import { attach, cancelInvoice, createInvoice, getInvoice, listInvoices } from './api.js';
import { listen } from './live.js';
import { currentUser, signIn, signOut } from './session.js';
import { header, invoiceList, newInvoice, news, oneInvoice, welcome } from './views.js';

const MOST_NEWS = 30;
const state = { user: undefined, invoices: [], shown: undefined, news: [], live: false, error: '', fresh: '' };
let loads = 0;

async function start() {
  state.user = await currentUser();
  if (!state.user) return document.body.replaceChildren(welcome(signIn));
  addEventListener('popstate', () => guard(load));
  document.body.replaceChildren(...frame());
  await guard(load);
  return listen(onNews, onConnection);
}

// Whatever goes wrong is said on the page.
async function guard(work) {
  try {
    state.error = '';
    await work();
  } catch (error) {
    state.error = error.message;
  }
  render();
}

// The address says what is shown. An answer that comes after a later one's question is out of date.
async function load() {
  loads += 1;
  const turn = loads;
  const number = location.pathname.match(/^\/invoices\/([\w-]+)$/)?.[1];
  const [invoices, shown] = await Promise.all([listInvoices(), number && getInvoice(number)]);
  if (turn === loads) Object.assign(state, { invoices, shown });
}

function onNews(event) {
  state.news = [event, ...state.news].slice(0, MOST_NEWS);
  state.fresh = event.detail.number;
  guard(load);
}

// Whoever comes back asks what has happened meanwhile.
function onConnection(live) {
  state.live = live;
  if (live) guard(load);
  else render();
}

// --- what a click does ---

function go(path) {
  history.pushState(null, '', path);
  guard(load);
}

async function issue(form) {
  const { customer, phone, text, amount, days } = Object.fromEntries(new FormData(form));
  const invoice = await createInvoice({
    customer: { name: customer, phone },
    lines: [{ text, quantity: 1, unitPriceCents: Math.round(Number(amount) * 100) }],
    dueInDays: Number(days),
  });
  state.fresh = invoice.number;
  form.reset();
  await load();
}

async function cancel(number) {
  await cancelInvoice(number);
  await load();
}

// The bucket's event records the file a moment after it was uploaded.
async function upload(number, file) {
  await attach(number, file);
  const known = state.shown.attachments.length;
  for (let pause = 100; pause < 5000 && state.shown.attachments.length === known; pause *= 2) {
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    await load();
  }
}

// --- drawing ---

// Made once: whatever happens meanwhile, a form keeps what was typed into it.
function frame() {
  const form = newInvoice((filled) => guard(() => issue(filled)));
  const main = document.createElement('main');
  const [work, side] = [document.createElement('div'), document.createElement('aside')];
  work.className = 'work';
  side.append(form, news([]));
  main.append(work, side);
  return [header(state, signOut, go), main];
}

function render() {
  document.querySelector('header').replaceWith(header(state, signOut, go));
  document.querySelector('.work').replaceChildren(...content());
  document.querySelector('.news').replaceWith(news(state.news));
  document.querySelector('#new-invoice .problem').textContent = state.shown ? '' : state.error;
}

function content() {
  if (!state.shown) return invoiceList(state, go);
  const { number } = state.shown;
  return [oneInvoice(state, {
    back: () => go('/'),
    cancel: () => guard(() => cancel(number)),
    upload: (file) => guard(() => upload(number, file)),
  })];
}

start();
