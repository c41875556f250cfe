import { createServer } from 'node:https';

import { BundleSet, X509Bundle, type X509Context } from '@svidkit/core';
import { type BundleHandler } from '@svidkit/tls/federation';

import { engine } from '../engine.ts';
import { sources } from '../source-operations.ts';
import { mapSource } from './map-source.ts';
import { around, mishear, misreport, type Mutant } from './mutant.ts';
import { fetchNaively, followNaively, type FollowerNaivety, type Naivety } from './naive-federation.ts';

/** Broken federations. */
export const FEDERATION_MUTANTS: readonly Mutant[] = [
  fetches(
    'believes-anyone',
    'believes every endpoint',
    { believesAnyone: true },
    'web/**',
    'spiffe/**',
    'redirect/other-id',
  ),
  fetches(
    'believes-authorities',
    'believes everyone in the trust domain of an endpoint',
    { believesAuthorities: true, follows: 'anything' },
    'spiffe/**',
    'redirect/other-id',
  ),
  {
    name: 'federation-public-roots-only',
    lie: 'trusts public authorities alone',
    cases: ['federation/web/valid', 'federation/watch/**'],
    apply: () => {
      const { fetchBundle } = engine;
      engine.fetchBundle = ({ trustDomain, url, profile }) =>
        fetchBundle({ trustDomain, url, profile } as Parameters<typeof fetchBundle>[0]);
      engine.watchBundle = followNaively({});
    },
  },
  fetches('knows-hosts-only', 'knows endpoints by their host names, whatever the profile', {}, 'spiffe/**'),
  fetches(
    'never-follows',
    'follows no redirect',
    { follows: 'nothing' },
    'redirect/https-ok',
    'redirect/301*',
  ),
  fetches('follows-anything', 'follows every redirect', { follows: 'anything' }, 'redirect/**'),
  fetches('takes-any-status', 'does not look at the status', { takesAnyStatus: true }, 'body/404'),
  fetches(
    'wants-json-type',
    'wants a content type of JSON',
    { wantsJsonType: true },
    'body/wrong-content-type',
  ),
  {
    name: 'federation-shows-certificate',
    lie: 'shows its SVID to every endpoint',
    cases: ['federation/web/no-client-cert-sent'],
    apply: showCertificate,
  },
  {
    name: 'federation-any-url',
    lie: 'repairs URLs',
    cases: ['federation/url/**'],
    apply: () => {
      const { fetchBundle } = engine;
      engine.fetchBundle = async (endpoint, options) => {
        const url = endpoint.url.replace(/\/\/[^/]*@/, '//');
        if (url.startsWith('http:')) return fetchNaively({ ...endpoint, url }, {});
        return fetchBundle({ ...endpoint, url }, options);
      };
    },
  },
  {
    name: 'federation-names-only',
    lie: 'wants a name in every URL',
    cases: ['federation/web/ip-san'],
    apply: () =>
      mishear('federation.fetch', (params) => ({
        ...params,
        url: String(params['url']).replace('127.0.0.1', 'localhost'),
      })),
  },
  {
    name: 'federation-named-by-host',
    lie: 'takes the name of the trust domain from the URL',
    cases: ['federation/td/**'],
    apply: () =>
      misreport('federation.fetch', (answer, { url }) => ({
        ...answer,
        trustDomain: new URL(String(url)).hostname,
      })),
  },
  follows(
    'keeps-first-authority',
    'knows an endpoint by the first bundle for ever',
    {},
    'spiffe/uses-latest-bundle',
    'poll/refresh-hint',
  ),
  follows('forgets-on-error', 'has nothing after a failed fetch', { forgetsOnError: true }, 'body/**'),
  follows(
    'keeps-first',
    'keeps the first bundle',
    { keepsFirst: true },
    'watch/**',
    'sequence/**',
    'body/**',
    'empty/**',
  ),
  follows(
    'wants-sequence',
    'takes no bundle without a sequence number after one that had one',
    { keepsSequence: true },
    'sequence/absent*',
  ),
  follows('forgets-older', 'has nothing after an older bundle', { forgetsOlder: true }, 'sequence/**'),
  follows('never-ends', 'goes on after its end', { neverEnds: true }, 'use/terminate'),
  follows('asks-without-pause', 'asks every 20 milliseconds', { everyMs: 20 }, 'poll/hint-0-floor'),
  polls('polls-on-hints-alone', 'asks once a day where a bundle hints nothing', 86_400_000),
  polls('polls-all-the-time', 'asks every five seconds where a bundle hints nothing', 5000),
  {
    name: 'federation-remembers-redirect',
    lie: 'goes to where a permanent redirect led, from then on',
    cases: ['federation/redirect/301-not-remembered'],
    apply: rememberRedirects,
  },
  joins(
    'merges-bundles',
    'puts the authorities of all trust domains together',
    'use/never-merge',
    ({ bundles }) => {
      const all = [...bundles].flatMap(({ authorities }) => authorities.map(({ der }) => der));
      return BundleSet.of(...[...bundles].map(({ trustDomain }) => X509Bundle.fromDer(trustDomain, all)));
    },
  ),
  joins('passes-over-empty', 'takes a bundle without keys for a mistake', 'empty/**', ({ bundles }) => {
    for (const bundle of bundles) if (!bundle.isEmpty) lastFull.set(bundle.trustDomain.name, bundle);
    return BundleSet.of(...[...bundles].map((bundle) => lastFull.get(bundle.trustDomain.name) ?? bundle));
  }),
  serves('nothing', 'serves a bundle without keys', 'document', (_handler) => (_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"keys":[]}');
  }),
  serves('text', 'serves a bundle as plain text', 'type', (handler) => (request, response) => {
    const writeHead = (status: number): typeof response => {
      response.statusCode = status;
      return response.setHeader('content-type', 'text/plain');
    };
    Object.assign(response, { writeHead });
    handler(request, response);
  }),
  {
    name: 'federation-serves-known-clients',
    lie: 'serves nobody without a certificate',
    cases: ['federation/serve/**'],
    apply: () => {
      engine.createBundleServer = (source, handler) => {
        const { certificates, privateKey } = source.current.svid;
        const cert = certificates.map((one) => one.toPem()).join('');
        const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
        return createServer({ cert, key, requestCert: true, rejectUnauthorized: true, ca: [cert] }, handler);
      };
    },
  },
];

const lastFull = new Map<string, X509Bundle>();

function cases(names: readonly string[]): Mutant['cases'] {
  const [first = '**', ...rest] = names.map((name) => `federation/${name}`);
  return [first, ...rest];
}

function fetches(name: string, lie: string, naivety: Naivety, ...noticing: readonly string[]): Mutant {
  return {
    name: `federation-${name}`,
    lie,
    cases: cases(noticing),
    apply: () => {
      engine.fetchBundle = (endpoint) => fetchNaively(endpoint, naivety);
      engine.watchBundle = followNaively({});
    },
  };
}

function follows(
  name: string,
  lie: string,
  naivety: FollowerNaivety,
  ...noticing: readonly string[]
): Mutant {
  return {
    name: `federation-${name}`,
    lie,
    cases: cases(noticing),
    apply: () => {
      engine.watchBundle = followNaively(naivety);
    },
  };
}

function joins(
  name: string,
  lie: string,
  noticing: string,
  bundlesOf: (context: X509Context) => BundleSet,
): Mutant {
  return {
    name: `federation-${name}`,
    lie,
    cases: cases([noticing]),
    apply: () => {
      const { withFederatedBundles } = engine;
      engine.withFederatedBundles = (...given) =>
        mapSource(
          withFederatedBundles(...given),
          (context) => context && Object.freeze({ ...context, bundles: bundlesOf(context) }),
        );
    },
  };
}

function polls(name: string, lie: string, refreshMs: number): Mutant {
  return {
    name: `federation-${name}`,
    lie,
    cases: cases(['poll/default-300s']),
    apply: () => {
      const { watchBundle } = engine;
      engine.watchBundle = (endpoint, options) =>
        watchBundle(endpoint, { ...options, refreshMs, minRefreshMs: Math.min(refreshMs, 60_000) });
    },
  };
}

function serves(
  name: string,
  lie: string,
  what: string,
  change: (handler: BundleHandler) => BundleHandler,
): Mutant {
  return {
    name: `federation-serves-${name}`,
    lie,
    cases: cases([`serve/own-bundle[what=${what}]`]),
    apply: () => {
      const { createBundleServer } = engine;
      engine.createBundleServer = (source, handler) => createBundleServer(source, change(handler));
    },
  };
}

function showCertificate(): void {
  let handle = '';
  around('source.open', async (params, honest) => {
    const answer = await honest(params);
    handle = String(answer['handle']);
    return answer;
  });
  const credential = async () => {
    if (handle === '') return {};
    const { svid } = (await sources.get({ handle }).opened).current;
    return {
      cert: svid.certificates.map((one) => one.toPem()).join(''),
      key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    };
  };
  engine.fetchBundle = (endpoint) => fetchNaively(endpoint, { credential });
}

function rememberRedirects(): void {
  const moved = new Map<string, string>();
  const { fetchBundle } = engine;
  const fetch: FollowerNaivety['fetch'] = async (endpoint) => {
    const url = moved.get(endpoint.url) ?? endpoint.url;
    try {
      return await fetchBundle({ ...endpoint, url }, { maxRedirects: 0 });
    } catch {
      moved.set(endpoint.url, new URL('/moved', endpoint.url).href);
      return fetchBundle({ ...endpoint, url: new URL('/moved', endpoint.url).href });
    }
  };
  engine.watchBundle = followNaively({ fetch });
}
