import { once } from 'node:events';
import { get } from 'node:https';
import { type AddressInfo } from 'node:net';

import { authorizeMemberOf, type X509Source } from '@svidkit/core';
import { createHttpsAgent, createHttpsServer, peerOf } from '@svidkit/tls';

/** Requests over mutual TLS that never pause, and what came of them. */
export interface Traffic extends AsyncDisposable {
  /** How many were answered. */
  readonly answered: number;
  /** Why others were not. */
  readonly failures: readonly unknown[];
  /** The fingerprints that the server has seen of its clients. */
  readonly identities: ReadonlySet<string>;
  /** Resolves when `count` more requests have ended, well or not. */
  more(count: number): Promise<void>;
}

const CLIENTS = 4;

/** Starts a server of `serving`, and clients of `calling` that keep asking it: half of them on a new connection each. */
export async function startTraffic(serving: X509Source, calling: X509Source): Promise<Traffic> {
  const authorize = authorizeMemberOf('prod.example');
  const identities = new Set<string>();
  const failures: unknown[] = [];
  const waiting = new Set<() => void>();
  let answered = 0;
  const ending = new AbortController();
  const server = createHttpsServer(serving, { authorize }, (request, response) => {
    identities.add(peerOf(request).certificate.fingerprint256);
    response.end('yes');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agents = Array.from({ length: CLIENTS }, (_, index) =>
    createHttpsAgent(calling, { authorize, keepAlive: index % 2 === 0 }),
  );

  const ask = (agent: (typeof agents)[number]): Promise<void> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent }, (response) => {
        response.resume().once('end', resolve).once('error', reject);
      }).once('error', reject);
    });
  const keepAsking = async (agent: (typeof agents)[number]): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        await ask(agent);
        answered++;
      } catch (error) {
        failures.push(error);
      }
      for (const one of waiting) one();
    }
  };
  const clients = agents.map(keepAsking);
  return {
    get answered() {
      return answered;
    },
    failures,
    identities,
    more(count) {
      const until = answered + failures.length + count;
      return new Promise((resolve) => {
        const look = (): void => {
          if (answered + failures.length < until) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.all(clients);
      for (const agent of agents) agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
