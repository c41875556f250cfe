import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createTestCa } from '@svidkit/testkit';

import { type Order } from './order.ts';

/** A process that serves and one that dials. */
export interface TwoProcesses {
  readonly server: Peer;
  readonly client: Peer;
  close(): void;
}

/** Starts both with `identities` P-256 SVIDs of one intermediate under one root. */
export async function twoProcesses(identities: number): Promise<TwoProcesses> {
  const ca = await createTestCa({ trustDomain: 'bench.example' });
  const intermediate = await ca.intermediate();
  const material = {
    trustDomain: ca.trustDomain,
    bundlePem: ca.bundlePem,
    identities: [] as { certPem: string; keyPem: string }[],
  };
  for (let i = 0; i < identities; i += 1) {
    const { certPem, keyPem } = await intermediate.issue({ path: `/peer/${i}` });
    material.identities.push({ certPem, keyPem });
  }
  const folder = mkdtempSync(join(tmpdir(), 'svidkit-bench-'));
  const file = join(folder, 'material.json');
  writeFileSync(file, JSON.stringify(material), { mode: 0o600 });
  const [server, client] = await Promise.all([Peer.start(file), Peer.start(file)]);
  return {
    server,
    client,
    close() {
      server.stop();
      client.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** One of the two, with its orders as calls. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.result as never);
      else waiting?.reject(new Error(message.error));
    });
    child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the peer ended with ${code}`));
    });
  }

  static async start(materialFile: string): Promise<Peer> {
    const child = fork(fileURLToPath(new URL('peer.ts', import.meta.url)), [materialFile], { execArgv: [] });
    await once(child, 'spawn');
    return new Peer(child);
  }

  ask<Result>(order: Omit<Order, 'id'>): Promise<Result> {
    const id = ++this.#lastId;
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, ...order });
    });
  }

  stop(): void {
    this.#child.disconnect();
  }
}
