import { type TestSvid } from '@svidkit/testkit';

import { type JsonObject } from '../json.ts';
import { type Credential, dial, type Dialled, type DialOptions, isOwnFailure, saidPeer } from './dial.ts';
import { Ended, observed, want, wantSame } from './ended.ts';
import { leafOf } from './source-under-test.ts';
import { type World } from './world.ts';

/** A connection that was let in. */
export type Admitted = Extract<Dialled, { readonly kind: 'admitted' }>;

/** A server that the adapter has started. */
export class ServerUnderTest {
  readonly handle: string;
  readonly port: number;
  readonly #world: World;

  constructor(world: World, handle: string, port: number) {
    this.#world = world;
    this.handle = handle;
    this.port = port;
  }

  /** Dials it. The connection ends with the case. */
  async dial(
    as: Credential | undefined,
    { quiet = false, ...options }: Partial<DialOptions> & { readonly quiet?: boolean } = {},
  ): Promise<Dialled> {
    const dialled = await dial({ port: this.port, as, patienceMs: this.#world.patienceMs, ...options });
    if (quiet) return dialled;
    const { kind } = dialled;
    this.#world.note(
      `dialled ${this.port}: ${kind} ${kind === 'refused' ? dialled.detail : kind === 'admitted' ? JSON.stringify(dialled.said) : ''}`,
    );
    if (dialled.kind === 'admitted') this.#world.defer(() => void dialled.socket.destroy());
    if (dialled.kind === 'refused' && isOwnFailure(dialled)) {
      throw new Ended({ kind: 'kit', detail: `a connection of its own failed: ${dialled.detail}` });
    }
    return dialled;
  }

  /** Wants a peer to be let in, and to be taken for whom it is. */
  async admits(
    as: Credential & { readonly id: string },
    what = 'a good peer',
    options: Partial<DialOptions> = {},
  ): Promise<Admitted> {
    const dialled = await this.dial(as, options);
    if (dialled.kind !== 'admitted')
      throw observed(
        `${what} was ${dialled.kind === 'silent' ? 'left waiting' : `refused: ${dialled.detail}`}`,
      );
    wantSame(`whom the server took ${what} for`, saidPeer(dialled.said), as.id);
    return dialled;
  }

  /** Wants a peer to be turned away without a byte. */
  async refuses(as: Credential | undefined, what: string, options: Partial<DialOptions> = {}): Promise<void> {
    const dialled = await this.dial(as, options);
    if (dialled.kind === 'admitted')
      throw observed(`${what} was let in, and told ${JSON.stringify(dialled.said)}`);
    if (dialled.kind === 'silent') throw observed(`${what} was left waiting`);
    want(dialled.bytes === 0, `${what} was sent ${dialled.bytes} bytes before it was turned away`);
  }

  /** Wants an SVID to be what new connections are shown. */
  presents({ chain }: { readonly chain: readonly string[] }, { chainDer }: TestSvid, when: string): void {
    wantSame(`the leaf that the server presents ${when}`, chain[0] ?? '', leafOf(chainDer));
  }

  async stop(params: JsonObject = {}): Promise<void> {
    await this.#world.call('server.stop', { handle: this.handle, ...params });
  }
}

/** Wants a connection to be alive: it sends back what it gets. */
export async function wantAlive(
  { socket, reader }: Admitted,
  what: string,
  patienceMs: number,
): Promise<void> {
  const word = `echo-${performance.now()}`;
  if (!socket.destroyed) socket.write(`${word}\n`);
  const line = await reader.next(patienceMs);
  wantSame(`what ${what} sends back`, line ?? 'the end of the connection', word);
}
