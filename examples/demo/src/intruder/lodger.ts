import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';

import { type Pem } from '../messages.ts';
import { type Endpoint, type EndpointName, ENDPOINTS } from '../topology.ts';
import { httpRequest, tlsOptions } from './door.ts';

const REQUEST_EVERY_MS = 100;
/** So many connections in a row that get no answer: it is not let in any more. */
const REFUSALS = 3;
const BETWEEN_REFUSALS_MS = 20;

/** Somebody who was let in, and stays: it keeps a connection, and opens another when a service ends one in good order. */
export class Lodger {
  /** Resolves at its first answer. */
  readonly settled: Promise<void>;
  /** Resolves when it is not let in any more, with when its last good connection ended. */
  readonly thrownOut: Promise<number>;
  readonly #request: string;
  readonly #options: ReturnType<typeof tlsOptions>;
  readonly #settled = Promise.withResolvers<void>();
  #stop: (() => void) | undefined;
  #stopped = false;

  constructor(endpoint: EndpointName, port: number, identity: Pem) {
    const { path = '/' }: Endpoint = ENDPOINTS[endpoint];
    this.#request = httpRequest(path);
    this.#options = tlsOptions({ port, identity });
    this.settled = this.#settled.promise;
    this.thrownOut = this.#stay();
  }

  /** Leaves. */
  stop(): void {
    this.#stopped = true;
    this.#stop?.();
    this.#settled.resolve();
  }

  async #stay(): Promise<number> {
    let endedAt = Date.now();
    for (let refusals = 0; refusals < REFUSALS && !this.#stopped;) {
      const answers = await this.#connection();
      if (answers > 0) {
        endedAt = Date.now();
        refusals = 0;
      } else {
        refusals += 1;
        await sleep(BETWEEN_REFUSALS_MS);
      }
    }
    // Who left by itself was not thrown out.
    return this.#stopped ? new Promise(() => {}) : endedAt;
  }

  /** One connection, to its end. Gives the number of answers that came over it. */
  #connection(): Promise<number> {
    return new Promise((resolve) => {
      const socket = connect(this.#options);
      this.#stop = () => socket.destroy();
      let answers = 0;
      let answer = '';
      let next: NodeJS.Timeout | undefined;
      socket.write(this.#request);
      socket.on('data', (bytes: Buffer) => {
        answer += bytes.toString('latin1');
        if (!/^HTTP\/1\.1 200 [^]*\}$/.test(answer)) return;
        answer = '';
        answers += 1;
        this.#settled.resolve();
        next = setTimeout(() => socket.write(this.#request), REQUEST_EVERY_MS);
      });
      socket.on('error', () => {});
      socket.once('close', () => {
        clearTimeout(next);
        resolve(answers);
      });
    });
  }
}
