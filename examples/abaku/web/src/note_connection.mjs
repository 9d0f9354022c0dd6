// A page was opened or closed.
import { add, remove } from './connections.mjs';

export async function handler({ requestContext: { eventType, connectionId, connectedAt, authorizer } }) {
  if (eventType === 'CONNECT') await add(authorizer.owner, connectionId, connectedAt);
  else await remove(authorizer.owner, connectionId);
  return { statusCode: 200 };
}
