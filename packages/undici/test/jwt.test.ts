import { type IncomingMessage } from 'node:http';

import { bearerFetch, staticJwtSource } from '@svidkit/core/jwt';
import { createTestJwtAuthority } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, sourceOf, world } from '../../tls/test/fixtures.ts';
import { anyService, fetchOf, originOf } from './fixtures.ts';

afterEach(closeAll);

const authority = createTestJwtAuthority({ trustDomain: 'a.test' });
const token = authority.issue({ subject: '/client', audience: 'x' });
const tokens = staticJwtSource({ svids: [token] });

describe('a bound fetch with a token', () => {
  it('J-16, J-22: presents it over mutual TLS, and keeps it from where a redirect leads', async () => {
    const { a } = await world();
    const seen: string[] = [];
    const note = (name: string, { headers }: Pick<IncomingMessage, 'headers'>): void =>
      void seen.push(`${name} ${headers.authorization ?? 'none'}`);
    const elsewhere = await anyService(await sourceOf(a, { path: '/elsewhere' }), {}, (request, response) => {
      note('elsewhere', request);
      response.end('elsewhere');
    });
    const here = await anyService(await sourceOf(a, { path: '/here' }), {}, (request, response) => {
      note('here', request);
      if (request.url === '/away') response.writeHead(307, { location: `${originOf(elsewhere)}/` });
      response.end('here');
    });
    const fetch = bearerFetch(fetchOf(await sourceOf(a, { path: '/client' })), tokens, { audience: 'x' });
    expect(await (await fetch(`${originOf(here)}/`)).text()).toBe('here');
    expect(await (await fetch(new Request(`${originOf(here)}/away`))).text()).toBe('elsewhere');
    expect(seen).toEqual([`here Bearer ${token}`, `here Bearer ${token}`, 'elsewhere none']);
  });
});
