import { createWorkloadApiClient, type WorkloadApiClient } from '@svidkit/workload-api';

import { type Named, type Outcome, type RemoteReport, type StreamReport, type Validate } from './commands.ts';
import { codeOf, failureOf } from './describe-error.ts';

/** A client of the Workload API that answers with what a parent process can read. */
export class AgentClient {
  readonly #client: WorkloadApiClient;
  readonly #errors: string[] = [];
  #updates = 0;

  constructor(address: string) {
    this.#client = createWorkloadApiClient({ address, timeoutMs: 5_000 });
  }

  async svids(): Promise<Outcome<readonly Named[]>> {
    return outcome(async () =>
      (await this.#client.fetchX509Svids()).map(({ id, hint }) => ({ id: id.toString(), hint })),
    );
  }

  async tokens(audience: string, subject?: string): Promise<Outcome<readonly Named[]>> {
    return outcome(async () => {
      const found = await this.#client.fetchJwtSvids({
        audience,
        ...(subject === undefined ? {} : { subject }),
      });
      return found.map(({ svid, hint }) => ({ id: svid.id.toString(), hint }));
    });
  }

  async validate({ token, audience }: Validate): Promise<Outcome<RemoteReport>> {
    return outcome(async () => {
      const { id, claims } = await this.#client.validateJwtSvid(token, { audience });
      return { id: id.toString(), claims: { ...claims } };
    });
  }

  /** Opens a stream of each kind. */
  follow(): void {
    const watcher = {
      onUpdate: () => {
        this.#updates += 1;
      },
      onError: (error: unknown) => void this.#errors.push(codeOf(error) ?? String(error)),
    };
    for (const stream of [this.#client.watchX509Context(watcher), this.#client.watchJwtBundles(watcher)]) {
      void stream.catch((error: unknown) => this.#errors.push(`ended: ${codeOf(error) ?? String(error)}`));
    }
  }

  followed(): StreamReport {
    return { updates: this.#updates, errors: this.#errors };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

async function outcome<T>(ask: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    return failureOf(error);
  }
}
