import { afterEach, describe, expect, it } from 'vitest';

import { agentOf, ask, clientOf, closeAll, refusals, rotate, sourceOf } from './fixtures.ts';
import { FRAMEWORKS } from './frameworks.ts';

afterEach(closeAll);

const PROBLEMS = {
  401: {
    type: 'about:blank',
    title: 'Unauthorized',
    status: 401,
    detail: 'Nobody proved who they are on this connection.',
    code: 'ERR_PEER_UNVERIFIED',
  },
  403: {
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'This request is not allowed to its caller.',
    code: 'ERR_PEER_UNAUTHORIZED',
  },
};

describe.each(Object.entries(FRAMEWORKS))('%s', (_, { gated, plain }) => {
  it('lets an authorised peer reach its handlers, which know who it is', async () => {
    const handled: string[] = [];
    const port = await gated(await sourceOf('/server'), (peer) => {
      handled.push(peer.id.toString());
      return `hello ${peer.id.toString()}`;
    });
    const events = refusals();

    expect(await ask(await clientOf('/admin'), port, '/admin')).toMatchObject({
      status: 200,
      body: 'hello spiffe://a.test/admin',
    });
    expect(await ask(await clientOf('/guest'), port, '/open')).toMatchObject({
      status: 200,
      body: 'hello spiffe://a.test/guest',
    });
    expect(handled).toEqual(['spiffe://a.test/admin', 'spiffe://a.test/guest']);
    expect(events).toEqual([]);
  });

  it('answers a peer that may not with 403, runs no handler, and says once why', async () => {
    const handled: string[] = [];
    const port = await gated(await sourceOf('/server'), (peer) => String(handled.push(peer.id.toString())));
    const events = refusals();

    const { status, headers, body } = await ask(await clientOf('/guest'), port, '/admin?token=s3cret');

    expect(status).toBe(403);
    expect(headers['content-type']).toMatch(/^application\/problem\+json(;|$)/);
    expect(JSON.parse(body)).toEqual(PROBLEMS[403]);
    expect(handled).toEqual([]);
    expect(events).toEqual([
      expect.objectContaining({ id: 'spiffe://a.test/guest', method: 'GET', path: '/admin' }),
    ]);
    expect(events[0]?.error).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED', blame: 'peer' });
  });

  it('answers everybody with 401 when it is served without a gate', async () => {
    const handled: string[] = [];
    const port = await plain((peer) => String(handled.push(peer.id.toString())));
    const events = refusals();

    for (const path of ['/open', '/admin', '/broken']) {
      const { status, headers, body } = await ask(undefined, port, path);
      expect(status).toBe(401);
      expect(headers['content-type']).toMatch(/^application\/problem\+json(;|$)/);
      expect(headers['www-authenticate']).toBe('ClientCertificate');
      expect(JSON.parse(body)).toEqual(PROBLEMS[401]);
    }
    expect(handled).toEqual([]);
    expect(events.map(({ id, path, error }) => [id, path, error.code])).toEqual([
      [undefined, '/open', 'ERR_PEER_UNVERIFIED'],
      [undefined, '/admin', 'ERR_PEER_UNVERIFIED'],
      [undefined, '/broken', 'ERR_PEER_UNVERIFIED'],
    ]);
  });

  it('takes an authorizer that fails for a refusal, and keeps the failure to itself', async () => {
    const handled: string[] = [];
    const port = await gated(await sourceOf('/server'), (peer) => String(handled.push(peer.id.toString())));
    const events = refusals();

    const { status, headers, body } = await ask(await clientOf('/admin'), port, '/broken');

    expect(status).toBe(403);
    expect(JSON.parse(body)).toEqual(PROBLEMS[403]);
    expect(JSON.stringify(headers)).not.toContain('password');
    expect(handled).toEqual([]);
    expect(events.map(({ error }) => [error.code, error.blame])).toEqual([
      ['ERR_PEER_UNAUTHORIZED', 'caller'],
    ]);
  });

  it('loses no request while both ends rotate, and shows the new identity afterwards', async () => {
    const [server, client] = [await sourceOf('/server'), await sourceOf('/admin')];
    const port = await gated(server, (peer) => peer.certificate.serialNumber);
    const agent = agentOf(client);
    const shown = new Set<string | undefined>();

    for (let round = 0; round < 8; round++) {
      const load = (): ReturnType<typeof ask>[] =>
        Array.from({ length: 6 }, () => ask(agent, port, '/admin'));
      const before = load();
      await Promise.all([rotate(server), rotate(client)]);
      const answers = await Promise.all([...before, ...load()]);
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));

      const latest = await ask(agent, port, '/admin');
      expect(latest.body).toBe(client.current.svid.leaf.serialNumber);
      expect(latest.server?.certificate.serialNumber).toBe(server.current.svid.leaf.serialNumber);
      shown.add(latest.server?.certificate.serialNumber);
    }
    expect(shown.size).toBe(8);
  });
});
