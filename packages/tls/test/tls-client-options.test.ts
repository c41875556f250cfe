import { once } from 'node:events';
import { Agent } from 'node:https';
import { connect, type DetailedPeerCertificate } from 'node:tls';

import {
  authorizeId,
  authorizeMemberOf,
  BundleSet,
  isSpiffeError,
  SpiffeError,
  SourceCell,
  systemClock,
  type X509Source,
} from '@svidkit/core';
import { tlsClientOptions } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  CLIENTS,
  closeAll,
  closing,
  Events,
  get,
  rawServer,
  sourceOf,
  world,
  expectFailure,
} from './fixtures.ts';

afterEach(closeAll);

const SERVER = authorizeId('spiffe://a.test/server');

describe('trap: checkServerIdentity called with strange certificates', () => {
  const endless = (raw: Buffer): DetailedPeerCertificate =>
    ({
      raw,
      get issuerCertificate() {
        return endless(Buffer.from(raw));
      },
    }) as DetailedPeerCertificate;

  it('never throws, and returns an error for each of them', async () => {
    const { a } = await world();
    const good = await a.issue({ path: '/server' });
    const { checkServerIdentity } = tlsClientOptions(await sourceOf(a), { authorize: SERVER });
    const { raw } = certificateOf(good);
    const cyclic: { raw: Buffer; issuerCertificate?: unknown } = { raw: Buffer.from('x') };
    cyclic.issuerCertificate = { raw: Buffer.from('y'), issuerCertificate: cyclic };
    const strange: unknown[] = [
      undefined,
      null,
      {},
      [],
      'certificate',
      7,
      { raw: undefined },
      { raw: null },
      { raw: '' },
      { raw: raw.toString('latin1') },
      { raw: 7 },
      { raw: {} },
      { raw: Buffer.alloc(0) },
      { raw: raw.subarray(0, -1) },
      { raw: Buffer.concat([raw, Buffer.from([0])]) },
      { raw: Buffer.alloc(1 << 20) },
      cyclic,
      endless(Buffer.from('x')),
      {
        get raw(): Buffer {
          throw new Error('getter');
        },
      },
      new Proxy(
        {},
        {
          get() {
            throw new TypeError('proxy');
          },
        },
      ),
    ];
    for (const certificate of strange) {
      const verdict: unknown = checkServerIdentity('host', certificate as DetailedPeerCertificate);
      expect(isSpiffeError(verdict)).toBe(true);
    }
    // What follows a leaf that an authority signed itself is not even read.
    expect(checkServerIdentity('host', endless(raw))).toBeUndefined();
    const behind = await (await a.intermediate()).issue({ path: '/server' });
    expect(isSpiffeError(checkServerIdentity('host', endless(certificateOf(behind).raw)))).toBe(true);
    for (const host of ['', '127.0.0.1', 'x.test', undefined as unknown as string]) {
      expect(checkServerIdentity(host, certificateOf(good))).toBeUndefined();
    }
    expect(checkServerIdentity('', certificateOf(await a.issue({ path: '/other' })))).toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
    });
  });

  it('is an event per call, accepted or rejected', async () => {
    const { a } = await world();
    const { checkServerIdentity } = tlsClientOptions(await sourceOf(a), { authorize: SERVER });
    const events = new Events();

    checkServerIdentity('host', certificateOf(await a.issue({ path: '/server' })));
    checkServerIdentity('host', certificateOf(await a.issue({ path: '/other' })));

    expect(events.accepted.map(({ side, id }) => [side, id])).toEqual([['client', 'spiffe://a.test/server']]);
    expect(events.codes('client')).toEqual(['ERR_PEER_UNAUTHORIZED']);
  });
});

describe('tlsClientOptions of a source that has nothing to give', () => {
  const ends: Record<string, (source: Withdrawable) => unknown> = {
    'a closed source': (source) => source.close(),
    'a redacted SVID': (source) => source.withdraw(),
    'a lost bundle': (source) => source.lose(),
  };

  it.each(Object.entries(ends))(
    '%s: connections fail, nothing throws, nothing is presented',
    async (_, end) => {
      const { a } = await world();
      const source = await withdrawable(await sourceOf(a));
      const server = await rawServer(await a.issue({ path: '/server' }));
      const options = tlsClientOptions(source.source, { authorize: SERVER });
      const copy = { ...options };
      await expect(get({ host: '127.0.0.1', port: server.port, agent: false, ...copy })).resolves.toContain(
        'peer=',
      );
      const events = new Events();

      await end(source);

      for (const given of [options, copy, { ...copy }]) {
        const socket = closing(connect({ host: '127.0.0.1', port: server.port, ...given }), (one) =>
          one.destroy(),
        );
        const [error] = (await once(socket, 'error')) as [Error];
        expect(error).toBeInstanceOf(Error);
        await expectFailure(get({ host: '127.0.0.1', port: server.port, agent: false, ...given }));
      }
      expect(events.errors.length).toBeGreaterThan(0);
      expect(events.errors.every(({ error }) => isSpiffeError(error))).toBe(true);
      // Only the first connection was one: the others showed no certificate, or ended before.
      expect(server.seen.slice(1).map(({ client, received }) => [client, received])).toEqual(
        server.seen.slice(1).map(() => [undefined, '']),
      );
    },
  );

  it('comes back with the source', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const { svid, bundles } = source.current;
    const server = await rawServer(await a.issue({ path: '/server' }));
    const options = {
      host: '127.0.0.1',
      port: server.port,
      agent: false,
      ...tlsClientOptions(source, { authorize: SERVER }),
    };

    source.update(svid, BundleSet.empty);
    await expectFailure(get(options));
    source.update(svid, bundles);
    await expect(get(options)).resolves.toContain('peer=');
  });

  it.each(Object.keys(CLIENTS))(
    '%s of a closed source fails with its reason, and reaches nobody',
    async (name) => {
      const { a } = await world();
      const source = await sourceOf(a);
      const server = await rawServer(await a.issue({ path: '/server' }));
      const call = CLIENTS[name];
      const events = new Events();
      await expect(call?.(source, SERVER, server)).resolves.toContain('peer=');

      await source.close();
      const failure = await expectFailure(call?.(source, SERVER, server));
      // Where somebody else connects, the reason is an event.
      const told = name.startsWith('tlsClientOptions') ? events.errors.at(-1)?.error : failure;
      expect(told).toMatchObject({ code: 'ERR_SOURCE_CLOSED' });
      expect(server.seen).toHaveLength(1);
    },
  );
});

describe('one pool of connections, two sets of tlsClientOptions', () => {
  it('a connection that one authorizer let in is not used for another', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const server = await rawServer(await a.issue({ path: '/server' }));
    const agent = closing(new Agent({ keepAlive: true }), (one) => one.destroy());
    const target = { host: '127.0.0.1', port: server.port, agent };
    const anyone = tlsClientOptions(source, { authorize: authorizeMemberOf('a.test') });
    const nobody = tlsClientOptions(source, { authorize: authorizeId('spiffe://a.test/somebody-else') });

    // From then on there is an idle connection to take.
    const free = once(agent, 'free');
    await expect(get({ ...target, ...anyone })).resolves.toContain('peer=');
    await free;
    await expect(get({ ...target, ...nobody })).rejects.toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    await expect(get({ ...target, ...anyone })).resolves.toContain('peer=');
  });
});

function certificateOf({ chainDer }: { readonly chainDer: readonly Uint8Array[] }): DetailedPeerCertificate {
  const [leaf] = chainDer;
  return { raw: Buffer.from(leaf ?? []) } as DetailedPeerCertificate;
}

interface Withdrawable {
  readonly source: X509Source;
  close(): unknown;
  withdraw(): void;
  lose(): void;
}

/** A source that can lose its SVID and its bundles. */
async function withdrawable(from: X509Source): Promise<Withdrawable> {
  const cell: SourceCell = new SourceCell({ source: () => source, clock: systemClock });
  const source: X509Source = {
    get current() {
      return cell.current;
    },
    closed: cell.closed,
    onUpdate: (listener) => cell.onUpdate(listener),
    health: () => from.health(),
    close: async () => cell.close(),
    [Symbol.asyncDispose]: async () => cell.close(),
  };
  const { svid, bundles } = from.current;
  cell.publish({ svid, bundles }, 'first load');
  return {
    source,
    close: () => source.close(),
    withdraw: () => cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', 'withdrawn'), 'redaction'),
    lose: () => cell.publish({ svid, bundles: BundleSet.empty }, 'bundle lost'),
  };
}
