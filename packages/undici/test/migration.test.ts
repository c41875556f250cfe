import { createDispatcher } from '@svidkit/undici';
import { request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, expectFailure, SECRET } from '../../tls/test/fixtures.ts';
import {
  authorizeServer,
  decisionsOf,
  legacyServer,
  lineOf,
  webIdentity,
} from '../../tls/test/migration-fixtures.ts';
import { codeOf } from './fixtures.ts';

afterEach(closeAll);

async function ask(port: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const dispatcher = closing(
    createDispatcher(await webIdentity(), {
      authorize: authorizeServer(),
      accept: 'permissive',
      allowH2: false,
      family: 4,
    }),
    (one) => one.destroy(),
  );
  const { body } = await request(`https://localhost:${port}/${SECRET}`, { dispatcher, headers });
  return body.text();
}

describe('a legacy server', () => {
  it('is reached with the legacy certificate', async () => {
    const server = await legacyServer({});
    const decisions = decisionsOf('client');
    expect(await ask(server.port)).toContain('peer=unknown');
    expect(server.seen.map(({ client }) => client)).toEqual(['DNS:web.corp.test']);
    expect(decisions.map(lineOf)).toEqual(['legacy shown legacy in permissive: accepted localhost']);
  });

  it('has to be the host that was dialled, not the one of the Host header', async () => {
    const server = await legacyServer({ names: { dnsNames: ['evil.corp.test'] } });
    const failure = await expectFailure(ask(server.port, { host: 'evil.corp.test' }));
    expect(codeOf(failure)).toBe('ERR_PEER_UNAUTHORIZED');
    expect(await server.stolen()).toBe('');
  });
});
