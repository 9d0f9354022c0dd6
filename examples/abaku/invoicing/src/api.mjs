// The REST API. API Gateway has checked the token: its claims say whose invoices these are.
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import { BadRequest, parseAttachment, parseBody, parseDraft } from './drafts.mjs';
import { closeInvoice, createInvoice, findInvoice, listAttachments, listInvoices } from './invoices.mjs';

const STATUSES = ['OPEN', 'PAID', 'CANCELLED'];
const UPLOAD_SECONDS = 300;
const s3 = new S3Client();

const routes = {
  'POST /invoices': create,
  'GET /invoices': list,
  'GET /invoices/{number}': get,
  'POST /invoices/{number}/cancel': cancel,
  'POST /invoices/{number}/attachments': attach,
};

export async function handler(event) {
  const { sub: owner } = event.requestContext.authorizer.claims;
  const number = event.pathParameters?.number;
  try {
    return await routes[`${event.httpMethod} ${event.resource}`]({ owner, number, event });
  } catch (error) {
    if (error instanceof BadRequest) return answer(400, { message: error.message });
    throw error;
  }
}

async function create({ owner, event }) {
  const asked = parseBody(event.body);
  const issuedAt = new Date(event.requestContext.requestTimeEpoch);
  return answer(201, await createInvoice(owner, parseDraft(asked, issuedAt)));
}

async function list({ owner, event }) {
  const { status, next } = event.queryStringParameters ?? {};
  if (status !== undefined && !STATUSES.includes(status)) {
    throw new BadRequest(`status has to be one of ${STATUSES.join(', ')}.`);
  }
  const page = await listInvoices(owner, status, decodePlace(owner, next));
  return answer(200, { invoices: page.invoices, next: encodePlace(page.next) });
}

async function get({ owner, number }) {
  const invoice = await findInvoice(owner, number);
  if (!invoice) return missing(number);
  return answer(200, { ...invoice, attachments: await listAttachments(owner, number) });
}

async function cancel({ owner, number }) {
  if (await closeInvoice(owner, number, 'CANCELLED')) return answer(200, await findInvoice(owner, number));
  const invoice = await findInvoice(owner, number);
  return invoice ? answer(409, { message: `Invoice ${number} is ${invoice.status}.` }) : missing(number);
}

// The file goes from the browser to the bucket; the bucket's event records it.
async function attach({ owner, number, event }) {
  const file = parseAttachment(parseBody(event.body));
  if (!(await findInvoice(owner, number))) return missing(number);
  const Key = `${owner}/${number}/${file.name}`;
  const upload = new PutObjectCommand({ Bucket: process.env.ATTACHMENTS, Key, ContentType: file.contentType });
  const url = await getSignedUrl(s3, upload, { expiresIn: UPLOAD_SECONDS, signableHeaders: new Set(['content-type']) });
  return answer(200, { url, method: 'PUT', headers: { 'content-type': file.contentType } });
}

const missing = (number) => answer(404, { message: `There is no invoice ${number}.` });

const answer = (statusCode, content) => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(content),
});

const encodePlace = (key) => key && Buffer.from(JSON.stringify(key)).toString('base64url');

// A place comes from the caller, so it must not lead into another firm's partition.
function decodePlace(owner, place) {
  if (place === undefined) return undefined;
  try {
    const key = JSON.parse(Buffer.from(place, 'base64url').toString());
    if (key.pk === `OWNER#${owner}`) return key;
  } catch {
    // Falls through to the refusal.
  }
  throw new BadRequest('next is not a place in the list.');
}
