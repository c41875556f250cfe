import { once } from 'node:events';
import { type AddressInfo } from 'node:net';

import { authorizeId, type X509Source } from '@svidkit/core';
import { createHttpsServer, drainServers, peerOf } from '@svidkit/tls';
import { createFetch, peerOfResponse } from '@svidkit/undici';

import { type Call, type CallReport, type Serve } from './commands.ts';
import { failureOf } from './describe-error.ts';

/** A server that answers with the SPIFFE ID of who asked. */
export async function serveHttps(
  source: X509Source,
  { authorize }: Serve,
  admitted: (serial: string) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createHttpsServer(source, { authorize: authorizeId(authorize) }, (request, response) => {
    const peer = peerOf(request);
    admitted(peer.certificate.serialNumber);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ peer: peer.id.toString() }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      await drainServers([server], { deadlineMs: 1_000 });
    },
  };
}

/** One request over a connection of its own. */
export async function callHttps(source: X509Source, { target, authorize }: Call): Promise<CallReport> {
  const fetch = createFetch(source, { authorize: authorizeId(authorize) });
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(15_000) });
    const server = peerOfResponse(response).id.toString();
    const answer = await response.text();
    if (response.status !== 200) throw new Error(`status ${response.status}: ${answer}`);
    return { ok: true, answer, server };
  } catch (error) {
    return failureOf(error);
  } finally {
    await fetch.destroy();
  }
}
