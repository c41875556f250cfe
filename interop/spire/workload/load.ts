import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

import { authorizeId, type X509Source } from '@svidkit/core';
import { createHttpsAgent, peerOf } from '@svidkit/tls';
import { createFetch, peerOfResponse } from '@svidkit/undici';

import { type Call, type LoadReport } from './commands.ts';
import { describeError } from './describe-error.ts';

/** Milliseconds between two requests of one loop: a load that leaves the processors to others too. */
const PAUSE_MS = 10;

/** Requests without end, some over pooled connections and some over new ones. Each failure counts. */
export class Load {
  readonly #stop = new AbortController();
  readonly #serials = new Set<string>();
  readonly #failures: string[] = [];
  readonly #loops: Promise<void>[];
  readonly #release: () => Promise<void>;
  #requests = 0;
  #failed = 0;

  constructor(source: X509Source, { target, authorize }: Call) {
    const authorizer = authorizeId(authorize);
    const fetch = createFetch(source, { authorize: authorizer });
    const pooled = createHttpsAgent(source, { authorize: authorizer });
    const single = createHttpsAgent(source, { authorize: authorizer, keepAlive: false });
    const byFetch = async (): Promise<string> => {
      const response = await fetch(target);
      await response.text();
      requireOk(response.status);
      return peerOfResponse(response).certificate.serialNumber;
    };
    const byAgent = (agent: typeof pooled) => async (): Promise<string> => {
      const [response] = (await once(get(target, { agent }), 'response')) as [IncomingMessage];
      const { serialNumber } = peerOf(response).certificate;
      response.resume();
      await once(response, 'end');
      requireOk(response.statusCode);
      return serialNumber;
    };
    this.#loops = [byFetch, byFetch, byAgent(pooled), byAgent(single)].map((ask) => this.#loop(ask));
    this.#release = async () => {
      pooled.close();
      single.close();
      await fetch.close();
    };
  }

  report(): LoadReport {
    return {
      requests: this.#requests,
      failed: this.#failed,
      failures: this.#failures,
      serverSerials: [...this.#serials],
    };
  }

  async stop(): Promise<LoadReport> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#release();
    return this.report();
  }

  async #loop(ask: () => Promise<string>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#requests += 1;
      try {
        this.#serials.add(await ask());
      } catch (error) {
        this.#failed += 1;
        if (this.#failures.length < 5) {
          this.#failures.push(`${new Date().toISOString()} ${describeError(error)}`);
        }
      }
      await sleep(PAUSE_MS);
    }
  }
}

function requireOk(status: number | undefined): void {
  if (status !== 200) throw new Error(`status ${status}`);
}
