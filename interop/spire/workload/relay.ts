import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { type Cut } from './commands.ts';

/** Bytes that come after such a pause are another message. */
const PAUSE_MS = 500;

/**
 * Passes connections on to an agent, which takes it for the workload: both are of one local user. Cuts connections in the
 * middle of what the agent sends, as when it dies there.
 */
export class Relay {
  readonly #server: Server;
  readonly #to: string;
  readonly #sockets = new Set<Socket>();
  #pending: Cut[] = [];
  readonly #cuts: { readonly passed: number; readonly had: number }[] = [];
  #connections = 0;

  private constructor(to: string) {
    this.#to = to;
    this.#server = createServer((workload) => this.#accept(workload));
  }

  static async open(from: string, to: string): Promise<Relay> {
    const relay = new Relay(to);
    relay.#server.listen(from);
    await once(relay.#server, 'listening');
    return relay;
  }

  /** Cuts the next connections, each once, and forgets what it was told before. */
  cut(cuts: readonly Cut[]): void {
    this.#pending = [...cuts];
  }

  report(): {
    readonly connections: number;
    readonly cuts: readonly { readonly passed: number; readonly had: number }[];
  } {
    return { connections: this.#connections, cuts: this.#cuts };
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(workload: Socket): void {
    const agent = connect(this.#to);
    const end = (): void => {
      workload.destroy();
      agent.destroy();
    };
    for (const socket of [workload, agent]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    let latest = performance.now();
    let seen = false;
    workload.on('data', (bytes) => {
      if (!seen) this.#connections += 1;
      seen = true;
      agent.write(bytes);
    });
    agent.on('data', (bytes) => {
      const isLater = performance.now() - latest > PAUSE_MS;
      latest = performance.now();
      const [next] = this.#pending;
      if (next !== undefined && seen && (next.of === 'start' || isLater) && bytes.length > next.bytes) {
        this.#pending.shift();
        this.#cuts.push({ passed: next.bytes, had: bytes.length });
        // What was written before still gets there.
        workload.end(bytes.subarray(0, next.bytes), end);
        return;
      }
      workload.write(bytes);
    });
  }
}
