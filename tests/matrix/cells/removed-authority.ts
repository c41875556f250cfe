import { createTestCa, type TestX509Source } from '@svidkit/testkit';
import { expect } from 'vitest';

import { Events, rotate, sourceOf } from '../../../packages/tls/test/fixtures.ts';
import { refusedUntil } from '../failure.ts';
import { NOWHERE } from './bad-server.ts';
import { type Cell } from './cell.ts';
import { CLIENT, connect, serialOf, serve } from './parties.ts';

/** A trust domain whose first authority is about to go, and its successor. */
async function authorities() {
  const old = await createTestCa({ trustDomain: 'a.test' });
  const { next, both } = await old.rotate();
  const remove = async (source: TestX509Source): Promise<void> => {
    const { bundles } = await next.context({ bundles: [next] });
    source.update(source.current.svid, bundles);
  };
  return { old, next, both, remove };
}

/** A client was served; its authority goes; it is not served again, neither over the old connection nor a new one. */
export const removedClientAuthority: Cell = {
  bad: 'client',
  async run(transport) {
    const { old, next, both, remove } = await authorities();
    const serverSource = await sourceOf(next, { path: '/server', bundles: [both] });
    const { port, handled } = await serve(transport, serverSource);
    const source = await sourceOf(old, { path: '/client', bundles: [both] });
    const [condemned, kept] = [
      connect(transport, source, port),
      connect(transport, await sourceOf(next, { path: '/client', bundles: [both] }), port),
    ];
    await condemned.ask();
    await kept.ask();
    const events = new Events();

    await remove(serverSource);

    await refusedUntil(condemned, () => events.codes('server').includes('ERR_CHAIN_UNTRUSTED'));
    expect(handled.peers).toHaveLength(2);
    await kept.ask();
    // It comes back with its renewed identity.
    await rotate(source, next, { path: '/client', bundles: [both] });
    await condemned.ready?.();
    expect((await condemned.ask()).client).toBe(serialOf(source));
    expect(handled.peers).toEqual([CLIENT, CLIENT, CLIENT, CLIENT]);
  },
};

/** The same the other way round. */
export const removedServerAuthority: Cell = {
  bad: 'server',
  async run(transport) {
    const { old, next, both, remove } = await authorities();
    const serverSource = await sourceOf(old, { path: '/server', bundles: [both] });
    const { port, handled } = await serve(transport, serverSource);
    const source = await sourceOf(next, { path: '/client', bundles: [both] });
    const client = connect(transport, source, port);
    await client.ask();

    await remove(source);

    const reason = transport.judge === 'svidkit' ? /\bERR_CHAIN_UNTRUSTED\b/ : NOWHERE;
    await refusedUntil(client, (failure) => reason.test(failure));
    expect(handled.peers).toHaveLength(1);
    await rotate(serverSource, next, { path: '/server', bundles: [both] });
    await client.ready?.();
    expect((await client.ask()).server).toBe(serialOf(serverSource));
  },
};
