// A file has come into the bucket: it belongs to the invoice that its key names.
import { putAttachment } from './invoices.mjs';

export async function handler(event) {
  for (const { s3 } of event.Records) {
    const [owner, number, name] = decodeURIComponent(s3.object.key.replaceAll('+', ' ')).split('/');
    await putAttachment(owner, number, name, s3.object.size);
  }
}
