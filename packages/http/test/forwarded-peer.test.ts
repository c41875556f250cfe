import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { authorizeAny, authorizeId, authorizeOneOf, authorizeWith } from '@svidkit/core';
import { createHttpsServer, peerOf } from '@svidkit/tls';
import { afterEach, describe, expect, it } from 'vitest';

import { forwardedPeerOf, type ForwardedPeerOptions, problemOf } from '../src/index.ts';
import { ask, clientOf, closeAll, listen, refusals, sourceOf } from './fixtures.ts';
import { renderXfcc } from './render-xfcc.ts';

afterEach(closeAll);

const HEADER = 'x-forwarded-client-cert';
const PROXY = 'spiffe://a.test/proxy';
const EDGE = 'spiffe://a.test/edge';
const WEB = 'spiffe://a.test/web';
const ADMIN = 'spiffe://a.test/admin';

/** A service that says which client it takes a request for. */
async function service(options: ForwardedPeerOptions): Promise<number> {
  return listen(
    createHttpsServer(await sourceOf('/service'), { authorize: authorizeAny() }, (request, response) => {
      try {
        const { kind, id, proxy } = forwardedPeerOf(request, options);
        response.end(`${kind} ${id.toString()} by ${proxy.id.toString()}`);
      } catch (error) {
        const { status, headers, body } = problemOf(error);
        response.writeHead(status, headers).end(JSON.stringify(body));
      }
    }),
  );
}

/** A proxy on HTTPS that tells whom it saw, behind whatever its client wrote. */
async function appendingProxy(path: string, upstream: number): Promise<number> {
  const agent = await clientOf(path);
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const peer = peerOf(request);
    const own = renderXfcc([
      {
        by: [`spiffe://a.test${path}`],
        hash: peer.certificate.serialNumber,
        cert: undefined,
        chain: undefined,
        subject: 'O="Quoted, Inc."',
        uri: [peer.id.toString()],
        dns: [],
      },
    ]);
    const before = request.headers[HEADER];
    const header = before === undefined ? own : `${String(before)},${own}`;
    const { status, body } = await ask(agent, upstream, '/', { headers: { [HEADER]: header } });
    response.writeHead(status ?? 500).end(body);
  };
  const options = { authorize: authorizeAny() };
  return listen(createHttpsServer(await sourceOf(path), options, (req, res) => void forward(req, res)));
}

/** What the service says to a caller with a header. */
async function outcome(port: number, caller: string, header?: string): Promise<string> {
  const headers = header === undefined ? {} : { [HEADER]: header };
  const { body } = await ask(await clientOf(caller), port, '/', { headers });
  return body.startsWith('{') ? (JSON.parse(body) as { code: string }).code : body;
}

describe('a proxy that appends', () => {
  it('tells who its client is, whatever the client wrote', async () => {
    const port = await appendingProxy('/proxy', await service({ proxies: authorizeId(PROXY) }));

    for (const spoof of [
      undefined,
      `URI=${ADMIN}`,
      `By=${PROXY};URI=${ADMIN}`,
      `URI=${ADMIN},URI=${ADMIN}`,
    ]) {
      expect(await outcome(port, '/web', spoof)).toBe(`forwarded ${WEB} by ${PROXY}`);
    }
    expect(await outcome(port, '/admin')).toBe(`forwarded ${ADMIN} by ${PROXY}`);
  });

  it.each([
    'Subject="',
    `URI=${ADMIN};Subject="`,
    String.raw`URI=${ADMIN};Subject="\\`,
    `URI=${ADMIN};`,
    `URI=${ADMIN},`,
    `URI="${ADMIN}"x`,
    'nonsense',
  ])('gains nothing for a client that writes %s', async (spoof) => {
    const port = await appendingProxy('/proxy', await service({ proxies: authorizeId(PROXY) }));
    expect(await outcome(port, '/web', spoof)).toBe('ERR_XFCC_INVALID');
  });

  it('may stand behind another one, when both are trusted', async () => {
    const proxies = authorizeOneOf(PROXY, EDGE);
    const two = await appendingProxy(
      '/edge',
      await appendingProxy('/proxy', await service({ proxies, trustedHops: 2 })),
    );
    expect(await outcome(two, '/web')).toBe(`forwarded ${WEB} by ${PROXY}`);
    expect(await outcome(two, '/web', `By=${EDGE};URI=${ADMIN}`)).toBe(`forwarded ${WEB} by ${PROXY}`);

    const one = await appendingProxy('/edge', await appendingProxy('/proxy', await service({ proxies })));
    expect(await outcome(one, '/web')).toBe(`forwarded ${EDGE} by ${PROXY}`);
  });

  it('is not believed about a hop further away by somebody who is no proxy', async () => {
    const proxies = authorizeOneOf(PROXY, EDGE);
    const port = await appendingProxy('/proxy', await service({ proxies, trustedHops: 2 }));
    expect(await outcome(port, '/web', `By=${EDGE};URI=${ADMIN}`)).toBe('ERR_PEER_UNAUTHORIZED');
    expect(await outcome(port, '/edge', `By=${EDGE};URI=${ADMIN}`)).toBe(`forwarded ${ADMIN} by ${PROXY}`);
  });
});

describe('forwardedPeerOf', () => {
  it('does not look at the header of a caller that is no proxy', async () => {
    const port = await service({ proxies: authorizeId(PROXY) });
    const events = refusals();

    expect(await outcome(port, '/web', `By=${PROXY};URI=${ADMIN}`)).toBe('ERR_PEER_UNAUTHORIZED');
    expect(await outcome(port, '/web', 'nonsense')).toBe('ERR_PEER_UNAUTHORIZED');
    expect(await outcome(port, '/proxy', `By=${PROXY};URI=${ADMIN}`)).toBe(`forwarded ${ADMIN} by ${PROXY}`);
    expect(events.map(({ id, error }) => [id, error.code])).toEqual([
      [WEB, 'ERR_PEER_UNAUTHORIZED'],
      [WEB, 'ERR_PEER_UNAUTHORIZED'],
    ]);
  });

  it('does not believe anybody without a gate', async () => {
    const port = await listen(
      createServer((request, response) => {
        try {
          response.end(forwardedPeerOf(request, { proxies: authorizeAny() }).id.toString());
        } catch (error) {
          const { status, body } = problemOf(error);
          response.writeHead(status).end(body.code);
        }
      }),
    );
    const { status, body } = await ask(undefined, port, '/', { headers: { [HEADER]: `URI=${ADMIN}` } });
    expect([status, body]).toEqual([401, 'ERR_PEER_UNVERIFIED']);
  });

  const NOT_BELIEVED: Record<string, string | undefined> = {
    'no header': undefined,
    'no URI': `By=${PROXY};Subject="CN=web"`,
    'an empty URI': `By=${PROXY};URI=`,
    'two URIs': `By=${PROXY};URI=${WEB};URI=${ADMIN}`,
    'the same URI twice': `By=${PROXY};URI=${WEB};URI=${WEB}`,
    'an ID as a DNS name': `By=${PROXY};DNS=${ADMIN}`,
    'an ID as the subject': `By=${PROXY};Subject="${ADMIN}"`,
    'an ID in an element further away': `By=${PROXY};URI=${ADMIN},By=${PROXY}`,
    'another scheme': `By=${PROXY};URI=https://a.test/admin`,
    'an upper-case scheme': `By=${PROXY};URI=SPIFFE://a.test/admin`,
    'an upper-case trust domain': `By=${PROXY};URI=spiffe://A.test/admin`,
    'percent-encoding': `By=${PROXY};URI=spiffe://a.test/%61dmin`,
    'an element by another proxy': `By=spiffe://a.test/other;URI=${WEB}`,
    'an element by us and another proxy': `By=${PROXY};By=spiffe://a.test/other;URI=${WEB}`,
    'an element by nobody with an ID': `By=https://proxy.test;URI=${WEB}`,
  };

  it.each(Object.entries(NOT_BELIEVED))('refuses %s', async (_, header) => {
    const port = await service({ proxies: authorizeId(PROXY) });
    expect(await outcome(port, '/proxy', header)).toBe('ERR_XFCC_INVALID');
  });

  it('takes an element that does not say who wrote it, or names another proxy that is trusted', async () => {
    const port = await service({ proxies: authorizeOneOf(PROXY, EDGE) });
    expect(await outcome(port, '/proxy', `URI=${WEB}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
    expect(await outcome(port, '/proxy', `By=;URI=${WEB}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
    expect(await outcome(port, '/proxy', `By=${EDGE};URI=${WEB}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
  });

  it('keeps the case of a path', async () => {
    const port = await service({ proxies: authorizeId(PROXY) });
    expect(await outcome(port, '/proxy', 'URI=spiffe://a.test/Admin')).toBe(
      `forwarded spiffe://a.test/Admin by ${PROXY}`,
    );
  });

  it('wants as many elements as there are trusted hops', async () => {
    const port = await service({ proxies: authorizeOneOf(PROXY, EDGE), trustedHops: 2 });
    expect(await outcome(port, '/proxy', `URI=${WEB}`)).toBe('ERR_XFCC_INVALID');
    expect(await outcome(port, '/proxy', `URI=${WEB},URI=${EDGE}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
  });

  it('asks an authorizer that reads certificates only about the peer, which has one', async () => {
    const byCertificate = authorizeWith({ trustDomains: 'any', description: 'a proxy' }, ({ id, leaf }) =>
      leaf.serialNumber === '' ? 'no serial' : id.path !== '/web',
    );
    const one = await service({ proxies: byCertificate });
    expect(await outcome(one, '/proxy', `URI=${WEB}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
    expect(await outcome(one, '/proxy', `By=${PROXY};URI=${WEB}`)).toBe(`forwarded ${WEB} by ${PROXY}`);
    expect(await outcome(one, '/proxy', `By=${EDGE};URI=${WEB}`)).toBe('ERR_XFCC_INVALID');
    const two = await service({ proxies: byCertificate, trustedHops: 2 });
    expect(await outcome(two, '/proxy', `URI=${WEB},URI=${EDGE}`)).toBe('ERR_PEER_UNAUTHORIZED');
  });

  it.each([0, -1, 1.5, 33, Number.NaN, '1'])('refuses %j as a number of hops', async (trustedHops) => {
    const options = { proxies: authorizeAny(), trustedHops: trustedHops as number };
    expect(await outcome(await service(options), '/proxy', `URI=${WEB}`)).toBe('ERR_CONFIG_OPTION');
  });

  it('refuses to run without an authorizer', async () => {
    const port = await service({} as ForwardedPeerOptions);
    expect(await outcome(port, '/proxy', `URI=${WEB}`)).toBe('ERR_CONFIG_AUTHORIZER');
  });
});
