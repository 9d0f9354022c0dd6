// The invoicing API, under the page's own name.
import { idToken, refresh, signIn } from './session.js';

export class Refused extends Error {}

async function ask(method, path, content) {
  const send = () => fetch(`/api${path}`, {
    method,
    headers: { authorization: idToken(), ...(content && { 'content-type': 'application/json' }) },
    body: content && JSON.stringify(content),
  });
  let answer = await send();
  if (answer.status === 401) {
    if (!(await refresh())) {
      await signIn();
      return new Promise(() => {}); // the page is on its way out: nobody waits for an answer any more
    }
    answer = await send();
  }
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body.message ?? `The server answered ${answer.status}.`);
  return body;
}

export async function listInvoices() {
  const all = [];
  let next;
  do {
    const page = await ask('GET', `/invoices${next ? `?next=${encodeURIComponent(next)}` : ''}`);
    all.push(...page.invoices);
    next = page.next;
  } while (next);
  return all;
}

export const getInvoice = (number) => ask('GET', `/invoices/${encodeURIComponent(number)}`);
export const createInvoice = (draft) => ask('POST', '/invoices', draft);
export const cancelInvoice = (number) => ask('POST', `/invoices/${encodeURIComponent(number)}/cancel`);

export async function attach(number, file) {
  const asked = { name: file.name, contentType: file.type || 'application/octet-stream' };
  const upload = await ask('POST', `/invoices/${encodeURIComponent(number)}/attachments`, asked);
  const answer = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: file });
  if (!answer.ok) throw new Refused('The file could not be uploaded.');
}
