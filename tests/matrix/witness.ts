import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { closing, Events } from '../../packages/tls/test/fixtures.ts';
import { type Answer, type Transport } from './transport.ts';

/** What a cell must have seen, whatever it asserts by itself. */
export interface Proof {
  /** How often each end was renewed, and seen with each of its SVIDs. */
  readonly rotations: number;
}

/** Watches a cell from outside, so that one that did nothing cannot pass. */
export class Witness {
  readonly #events = new Events();
  readonly #shown = { server: new Set<string>(), client: new Set<string>() };
  #connections = 0;

  constructor() {
    const count = (): void => void (this.#connections += 1);
    subscribe('net.server.socket', count);
    closing(this, () => unsubscribe('net.server.socket', count));
  }

  /** The same transport, with its answers seen. */
  watch(transport: Transport): Transport {
    const see = async (answer: Promise<Answer>): Promise<Answer> => {
      const { server, client } = await answer;
      this.#shown.server.add(server);
      this.#shown.client.add(client);
      return answer;
    };
    return {
      ...transport,
      connect: (source, options) => {
        const client = transport.connect(source, options);
        return { ...client, ask: () => see(client.ask()) };
      },
    };
  }

  /**
   * @throws unless connections were opened and admitted, and each rotation of both ends was seen at the other end, over
   * a new connection.
   */
  check({ rotations }: Proof): void {
    atLeast('connections', this.#connections, rotations + 1);
    atLeast('admitted peers', this.#events.accepted.length, rotations + 1);
    if (rotations === 0) return;
    atLeast('SVIDs of the server seen', this.#shown.server.size, rotations + 1);
    atLeast('SVIDs of the client seen', this.#shown.client.size, rotations + 1);
  }
}

function atLeast(what: string, got: number, want: number): void {
  if (got < want) throw new Error(`want at least ${want} ${what}, got ${got}`);
}
