import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { type TLSSocket } from 'node:tls';

import { type X509Source } from '@svidkit/core';

import { engine } from '../engine.ts';
import { type Mutant } from './mutant.ts';
import { nameIn, ownOptions, sourceOf } from './naive-server.ts';

/** Broken clients that are led from one server to another. */
export const REDIRECT_MUTANTS: readonly Mutant[] = [
  {
    name: 'client-follows-no-redirect',
    lie: 'gives redirects for answers',
    cases: ['mtls-client/redirect/followed'],
    apply: () => {
      engine.redirectPool = (input) => naivePool(sourceOf(input), false);
    },
  },
  {
    name: 'client-is-led-anywhere',
    lie: 'verifies the server that it was told to ask, and nobody to whom that one leads',
    cases: ['mtls-client/redirect/other-host*', 'mtls-client/redirect/plain-http'],
    apply: () => {
      engine.redirectPool = (input) => naivePool(sourceOf(input), true);
    },
  },
];

type Pool = ReturnType<NonNullable<typeof engine.redirectPool>>;
type Answer = Awaited<ReturnType<Pool['request']>>;

function naivePool(source: X509Source, follows: boolean): Pool {
  const ask = async (url: string): Promise<Answer> => {
    const { response, peer } = await responseOf(url, source);
    const { location } = response.headers;
    if (follows && location !== undefined) return ask(location);
    let body = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    return { status: response.statusCode ?? 0, body, peer };
  };
  return { close: async () => {}, request: (port, path) => ask(`https://127.0.0.1:${port}${path}`) };
}

function responseOf(
  url: string,
  source: X509Source,
): Promise<{ readonly response: IncomingMessage; readonly peer: string }> {
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage): void => {
      const isSecure = url.startsWith('https:');
      resolve({ response, peer: isSecure ? nameIn(response.socket as TLSSocket) : '' });
    };
    const { cert, key } = ownOptions(source);
    const request = url.startsWith('https:')
      ? getSecure(url, { cert, key, rejectUnauthorized: false, agent: false }, take)
      : getPlain(url, { agent: false }, take);
    request.once('error', reject);
  });
}
