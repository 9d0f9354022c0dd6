// What a caller may ask for: checked here, so that nothing else has to.
const DAY_MS = 86_400_000;
const PHONE = /^\+[1-9]\d{6,14}$/;
const CURRENCIES = ['EUR', 'CZK', 'USD'];

export class BadRequest extends Error {}

function demand(condition, message) {
  if (!condition) throw new BadRequest(message);
}

export function parseBody(body) {
  try {
    return JSON.parse(body ?? '');
  } catch {
    throw new BadRequest('The body is not JSON.');
  }
}

const isText = (value, most) => typeof value === 'string' && value.trim() !== '' && value.length <= most;
const isWhole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;

// {customer: {name, phone}, lines: [{text, quantity, unitPriceCents}], currency?, dueInDays?} -> an invoice's content.
export function parseDraft(asked, issuedAt) {
  demand(isText(asked?.customer?.name, 200), 'customer.name is missing.');
  demand(PHONE.test(asked.customer.phone ?? ''), 'customer.phone has to be like +420601234567.');
  demand(Array.isArray(asked.lines) && asked.lines.length > 0 && asked.lines.length <= 100, 'lines: 1 to 100 of them.');
  const lines = asked.lines.map(parseLine);
  const { currency = 'EUR', dueInDays = 14 } = asked;
  demand(CURRENCIES.includes(currency), `currency has to be one of ${CURRENCIES.join(', ')}.`);
  demand(isWhole(dueInDays, 0, 90), 'dueInDays has to be 0 to 90.');
  const amountCents = lines.reduce((sum, line) => sum + line.quantity * line.unitPriceCents, 0);
  demand(amountCents <= 1e12, 'The invoice is too large.');
  return {
    customer: { name: asked.customer.name.trim(), phone: asked.customer.phone },
    lines,
    amountCents,
    currency,
    issuedOn: day(issuedAt),
    dueOn: day(new Date(issuedAt.getTime() + dueInDays * DAY_MS)),
  };
}

function parseLine(line) {
  demand(isText(line?.text, 500), 'A line has no text.');
  demand(isWhole(line.quantity, 1, 1e6), 'A quantity has to be a whole number from 1.');
  demand(isWhole(line.unitPriceCents, 0, 1e9), 'unitPriceCents has to be a whole number.');
  return { text: line.text.trim(), quantity: line.quantity, unitPriceCents: line.unitPriceCents };
}

// {name, contentType} of a file to be uploaded.
export function parseAttachment(asked) {
  demand(/^[\w][\w .-]{0,99}$/.test(asked?.name ?? ''), 'name has to be a file name.');
  demand(/^[\w.+-]+\/[\w.+-]+$/.test(asked.contentType ?? ''), 'contentType has to be a media type.');
  return { name: asked.name, contentType: asked.contentType };
}

function day(date) {
  return date.toISOString().slice(0, 10);
}
