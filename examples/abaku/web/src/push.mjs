// Something has happened to a firm's invoices: everybody of the firm who is looking at the page is told.
import {
  ApiGatewayManagementApiClient, GoneException, PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';

import { list, remove } from './connections.mjs';

const api = new ApiGatewayManagementApiClient({ endpoint: process.env.LIVE.replace(/^ws/, 'http') });

export async function handler(event) {
  const { source, time: at, detail } = event;
  const { owner } = detail;
  const Data = JSON.stringify({ type: event['detail-type'], source, at, detail });
  await Promise.all((await list(owner)).map((ConnectionId) => tell(owner, ConnectionId, Data)));
}

async function tell(owner, ConnectionId, Data) {
  try {
    await api.send(new PostToConnectionCommand({ ConnectionId, Data }));
  } catch (error) {
    if (!(error instanceof GoneException)) throw error;
    await remove(owner, ConnectionId);
  }
}
