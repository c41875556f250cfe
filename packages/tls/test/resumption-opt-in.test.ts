import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type Server, type TLSSocket } from 'node:tls';

import { authorizeAny, authorizeId, type Authorizer, staticDenyList, type X509Source } from '@svidkit/core';
import { createTestCa, manualClock } from '@svidkit/testkit';
import {
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  legacyIdentity,
  peerOf,
  tlsClientOptions,
} from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import {
  closeAll,
  closing,
  Events,
  expectFailure,
  httpsService,
  knock,
  listen,
  RawClient,
  rawServer,
  rotate,
  type ServiceOptions,
  sourceOf,
  tlsService,
  world,
} from './fixtures.ts';

afterEach(closeAll);

const ON: ServiceOptions = { resumption: true };

/** Whether each connection that reached the application was a resumed one. */
function watchResumed(server: Server): boolean[] {
  const resumed: boolean[] = [];
  server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()));
  return resumed;
}

/** An agent that uses each connection once, so that the next request has to resume. */
function agentOf(source: X509Source, options: { readonly authorize?: Authorizer } = {}) {
  const agent = createHttpsAgent(source, {
    authorize: authorizeAny(),
    keepAlive: false,
    resumption: true,
    ...options,
  });
  return closing(agent, (one) => one.destroy());
}

/** Asks once, and gives the body and who answered. The session has come when the answer has. */
async function ask(port: number, agent: ReturnType<typeof agentOf>): Promise<{ body: string; id: string }> {
  const asked = request({ agent, host: '127.0.0.1', port });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const id = peerOf(response).id.toString();
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { body, id };
}

describe('resumption that was asked for', () => {
  it('resumes, and both ends know each other as before', async () => {
    const { a } = await world();
    const { port, server } = await httpsService(await sourceOf(a, { path: '/server' }), ON);
    const resumed = watchResumed(server);
    const agent = agentOf(await sourceOf(a, { path: '/client' }));

    const answers = [await ask(port, agent), await ask(port, agent), await ask(port, agent)];

    expect(resumed).toEqual([false, true, true]);
    expect(answers.map(({ id }) => id)).toEqual(Array(3).fill('spiffe://a.test/server'));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers[0]?.body).toContain('spiffe://a.test/client');
  });

  it('is there for HTTP/2 sessions that are opened again', async () => {
    const { a } = await world();
    const server = createTlsServer(
      await sourceOf(a, { path: '/server' }),
      { authorize: authorizeAny(), ALPNProtocols: ['h2'], resumption: true },
      (socket) => socket.end('hello'),
    );
    const resumed = watchResumed(server);
    const port = await listen(server);
    const client = createHttp2Client(await sourceOf(a), `https://127.0.0.1:${port}`, {
      authorize: authorizeAny(),
      resumption: true,
    });
    closing(client, (one) => one.destroy());

    // It speaks no HTTP/2 in truth, so each session fails; the handshakes are what counts.
    for (let round = 0; round < 2; round += 1) await expectFailure(client.session());

    expect(resumed).toEqual([false, true]);
  });

  it('dies with a rotation of either end', async () => {
    const { a } = await world();
    const serverSource = await sourceOf(a, { path: '/server' });
    const { port, server } = await httpsService(serverSource, ON);
    const resumed = watchResumed(server);
    const source = await sourceOf(a, { path: '/client' });
    const agent = agentOf(source);

    await ask(port, agent);
    await rotate(source, a, { path: '/client' });
    const { body } = await ask(port, agent);
    expect(body).toContain(`serial=${source.current.svid.leaf.serialNumber}`);
    await rotate(serverSource, a, { path: '/server' });
    await ask(port, agent);
    await ask(port, agent);

    expect(resumed).toEqual([false, false, false, true]);
  });

  it('trap, old identity by ticket: a client whose SVID has expired since is refused', async () => {
    const clock = manualClock();
    const ca = await createTestCa({ trustDomain: 'a.test', clock });
    const { port, handled } = await tlsService(await sourceOf(ca, { lifetimeMs: 1e8 }), { ...ON, clock });
    const short = await ca.issue({ path: '/short', lifetimeMs: 60_000 });
    const first = await knock(port, short);
    const [session] = first.sessions;
    expect(session).toBeDefined();
    expect((await knock(port, short, { ...(session && { session }) })).resumed).toBe(true);

    clock.set(clock.now() + 120_000);

    const late = await knock(port, short, { ...(session && { session }) });
    expect(late.line).toBeUndefined();
    expect(handled).toHaveLength(2);
  });

  it('trap, no-certificate resumption: who had no certificate has none after', async () => {
    const { a } = await world();
    const { port, handled } = await tlsService(await sourceOf(a), ON);
    const nobody = new RawClient(port, undefined);
    await nobody.closed;
    // Not even a ticket reaches whoever is turned away.
    expect(nobody.sessions).toEqual([]);
    expect(handled).toEqual([]);
    expect((await knock(port, await a.issue())).line).toContain('peer=');
  });

  it('trap N4, removed CA by ticket: the ticket is worth nothing', async () => {
    const { a } = await world();
    const { next, both } = await a.rotate();
    const source = await sourceOf(a, { bundles: [both] });
    const { port, handled } = await tlsService(source, ON);
    const old = await a.issue({ path: '/old' });
    const { sessions } = await knock(port, old);
    expect(sessions.length).toBeGreaterThan(0);

    await rotate(source, next, { bundles: [next] });

    for (const session of sessions) {
      const again = await knock(port, old, { session });
      expect([again.line, again.resumed]).toEqual([undefined, false]);
    }
    expect(handled).toHaveLength(1);
  });

  it('asks authorizer and deny list again on each resumed connection, on both ends', async () => {
    const { a } = await world();
    const allowed = { client: true, server: true };
    const when = (side: keyof typeof allowed): Authorizer => ({
      ...authorizeAny(),
      authorize: () => (allowed[side] ? { allowed: true } : { allowed: false, reason: 'not now' }),
    });
    const deny = staticDenyList({});
    const { port, handled } = await httpsService(await sourceOf(a, { path: '/server' }), {
      ...ON,
      authorize: when('server'),
      deny,
    });
    const agent = agentOf(await sourceOf(a, { path: '/client' }), { authorize: when('client') });
    await ask(port, agent);

    allowed.server = false;
    expect(await expectFailure(ask(port, agent))).toMatchObject({ code: 'ERR_PEER_CLOSED_AFTER_HANDSHAKE' });
    allowed.server = true;
    await ask(port, agent);
    allowed.client = false;
    expect(await expectFailure(ask(port, agent))).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED' });
    allowed.client = true;
    await ask(port, agent);
    deny.update({ ids: ['spiffe://a.test/client'] });
    await expectFailure(ask(port, agent));

    expect(handled).toHaveLength(3);
  });

  it('never lends the session of one server to another', async () => {
    const { a, rogue } = await world();
    const good = await httpsService(await sourceOf(a, { path: '/server' }), ON);
    const agent = agentOf(await sourceOf(a), { authorize: authorizeId('spiffe://a.test/server') });
    await ask(good.port, agent);
    const evil = await rawServer(await rogue.issue({ path: '/server' }));

    expect(await expectFailure(ask(evil.port, agent))).toMatchObject({ code: 'ERR_CHAIN_UNTRUSTED' });
    expect(evil.seen.every(({ resumed }) => !resumed)).toBe(true);
    expect(await evil.stolen()).toBe('');
  });

  it('recovers when the chain of a resumed client is not known any more', async () => {
    const { a } = await world();
    const middle = await a.intermediate();
    const source = await sourceOf(a, { path: '/server' });
    const { port, server } = await httpsService(source, ON);
    const identity = await middle.issue({ path: '/below' });
    const first = await knock(port, identity);
    expect(first.line).toContain('/below');
    const events = new Events();
    // The same bundle as another object: nothing is remembered of it, and the tickets are gone with the generation.
    const { svid } = source.current;
    source.update(svid, (await a.context()).bundles);
    const resumed = watchResumed(server);

    const [session] = first.sessions;
    const again = await knock(port, identity, { ...(session && { session }) });

    expect(again.line).toContain('/below');
    expect(resumed).toEqual([false]);
    expect(events.rejected).toEqual([]);
  });

  it('is off unless asked for', async () => {
    const { a } = await world();
    const { port, server } = await httpsService(await sourceOf(a));
    const resumed = watchResumed(server);
    const agent = closing(
      createHttpsAgent(await sourceOf(a), { authorize: authorizeAny(), keepAlive: false }),
      (one) => one.destroy(),
    );
    await ask(port, agent);
    await ask(port, agent);
    expect(resumed).toEqual([false, false]);
  });

  it('refuses to be switched on where it cannot be safe, and says so', async () => {
    const { a } = await world();
    const source = await sourceOf(a);
    const both = { spiffe: source, legacy: legacyIdentity({ authorities: a.pem }) };
    const options = { authorize: authorizeAny(), resumption: true };
    const refusal = expect.objectContaining({ code: 'ERR_CONFIG_OPTION' }) as Error;

    expect(() => createHttpsServer(both, options)).toThrow(refusal);
    expect(() => createHttpsAgent(both, options)).toThrow(refusal);
    expect(() =>
      tlsClientOptions(source, { ...options, authorize: authorizeId('spiffe://a.test/x') }),
    ).toThrow(refusal);
    expect(() => createHttpsServer(source, { ...options, resumption: 'yes' as never })).toThrow(refusal);
  });
});
