import { type TestCertificate } from '@svidkit/testkit';

import { type BehaviourDraft } from '../behaviour-case.ts';
import { documentOf } from '../bundle-document.ts';
import { want, wantSame } from '../ended.ts';
import { FEDERATION } from '../federation-spec.ts';
import {
  ENDPOINT_ID,
  plainEndpoint,
  spiffeStage,
  type Stage,
  wantFetched,
  wantNothing,
  webStage,
} from '../federation-stage.ts';
import { type World } from '../world.ts';

const WEB = 'web/valid';
const SPIFFE = 'spiffe/valid-self-serving';
/** More than anybody needs. */
const MOST_REDIRECTS = 50;
const FETCH = ['federation.fetch'] as const;

/** The port asks, the kit serves: which endpoints it believes. */
export function federationDrafts(): readonly BehaviourDraft[] {
  return [...webDrafts(), ...urlDrafts(), ...spiffeDrafts(), ...redirectDrafts()];
}

function webDrafts(): readonly BehaviourDraft[] {
  const bad = (
    row: number,
    slug: string,
    title: string,
    make: (world: World, stage: Awaited<ReturnType<typeof webStage>>) => Promise<TestCertificate>,
  ): BehaviourDraft => ({
    row,
    id: `web/${slug}`,
    title,
    why: 'whoever answers for that host decides whom we believe in a whole trust domain',
    level: 'must',
    spec: FEDERATION.web,
    ops: FETCH,
    control: WEB,
    async script(world) {
      const stage = await webStage(world);
      stage.endpoint.present(await make(world, stage));
      await wantNothing(world, stage.params, `the document of an endpoint with ${title}`);
      wantSame('requests that it was sent', stage.endpoint.requests.length, 0);
      stage.endpoint.present(await stage.web.issueLegacy({ dnsNames: ['localhost'] }));
      await wantFetched(world, stage);
    },
  });
  return [
    {
      row: 339,
      id: WEB,
      title: 'an endpoint with a certificate for its host gives its bundle',
      why: 'the twin of all cases of this profile',
      level: 'must',
      spec: FEDERATION.web,
      ops: FETCH,
      script: async (world) => void (await wantFetched(world, await webStage(world))),
    },
    {
      row: 340,
      id: 'web/ip-san',
      title: 'an endpoint with an address in its URL is known by the address in its certificate',
      why: 'endpoints need not have a name',
      level: 'must',
      spec: FEDERATION.web,
      ops: FETCH,
      control: WEB,
      async script(world) {
        const stage = await webStage(world, { host: '127.0.0.1' });
        stage.endpoint.present(
          await stage.web.issueLegacy({ extraNames: [{ type: 'ip', value: '127.0.0.1' }] }),
        );
        await wantFetched(world, stage);
        stage.endpoint.present(
          await stage.web.issueLegacy({ extraNames: [{ type: 'ip', value: '127.0.0.2' }] }),
        );
        await wantNothing(world, stage.params, 'the document of an endpoint with another address');
      },
    },
    bad(341, 'wrong-host', 'a certificate for another host', (_world, { web }) =>
      web.issueLegacy({ dnsNames: ['other.test'] }),
    ),
    bad(342, 'untrusted-ca', 'a certificate of an authority that nobody trusts', async (world) => {
      const other = await world.pki.stranger('other.test', { id: '' });
      return other.issueLegacy({ dnsNames: ['localhost'] });
    }),
    bad(343, 'expired', 'an expired certificate', (_world, { web }) =>
      web.issueLegacy({ dnsNames: ['localhost'], defects: ['expired'] }),
    ),
    {
      row: 345,
      id: 'web/no-client-cert-sent',
      title: 'a client shows no certificate to an endpoint that asks for one',
      why: 'an endpoint needs to know nobody, and learns who we are',
      level: 'must',
      spec: FEDERATION.noClientAuth,
      ops: ['federation.fetch', 'source.open', 'source.wait'],
      control: WEB,
      async script(world) {
        const stage = await webStage(world);
        await world.identity(await world.pki.identity());
        await wantFetched(world, stage);
        wantSame(
          'certificates shown to it',
          stage.endpoint.requests.map((one) => one.presentedCertificate),
          [false],
        );
      },
    },
    {
      row: 357,
      id: 'td/from-config-not-url',
      title: 'the bundle is of the trust domain that was configured, whatever the host is called',
      why: 'who serves a document must not be able to choose whose it is',
      level: 'must',
      spec: FEDERATION.knownName,
      ops: FETCH,
      control: WEB,
      async script(world) {
        const stage = await webStage(world);
        const found = await wantFetched(world, {
          ...stage,
          params: { ...stage.params, trustDomain: 'b.test' },
        });
        wantSame('its trust domain', found['trustDomain'], 'b.test');
        const other = await world.call('federation.fetch', { ...stage.params, trustDomain: 'c.test' });
        wantSame('its trust domain, configured otherwise', other['trustDomain'], 'c.test');
      },
    },
  ];
}

function urlDrafts(): readonly BehaviourDraft[] {
  const refused = (slug: string, title: string, change: (url: string) => string): BehaviourDraft => ({
    row: 344,
    id: `url/${slug}`,
    title: `${title} is refused before anything is sent`,
    why: 'a password in a URL ends up in logs, and http proves nothing',
    level: 'must',
    spec: FEDERATION.url,
    ops: FETCH,
    control: WEB,
    async script(world) {
      const stage = await webStage(world);
      const plain = await plainEndpoint(world, documentOf(stage.root));
      const url = change(stage.endpoint.url).replace('http://localhost/', `http://localhost:${plain.port}/`);
      await wantNothing(world, { ...stage.params, url }, `what is behind ${title}`);
      wantSame('connections to it', stage.endpoint.connections + plain.asked(), 0);
    },
  });
  return [
    refused('http', 'a URL with http', () => 'http://localhost/'),
    refused('userinfo', 'a URL with user information', (url) => url.replace('//', '//user:password@')),
    refused('empty-userinfo', 'a URL with empty user information', (url) => url.replace('//', '//@')),
  ];
}

function spiffeDrafts(): readonly BehaviourDraft[] {
  const bad = (
    slug: string,
    title: string,
    make: (world: World, stage: Stage) => Promise<TestCertificate>,
  ): BehaviourDraft => ({
    row: slug === 'web-pki-cert' ? 349 : 348,
    id: `spiffe/${slug}`,
    title: `an endpoint with ${title} is refused`,
    why: 'one profile never stands in for the other, and one workload never for another one',
    level: 'must',
    spec: FEDERATION.spiffe,
    ops: FETCH,
    control: SPIFFE,
    async script(world) {
      const stage = await spiffeStage(world);
      stage.endpoint.present(await make(world, stage));
      await wantNothing(world, stage.params, `the document of an endpoint with ${title}`);
      wantSame('requests that it was sent', stage.endpoint.requests.length, 0);
      stage.endpoint.present(await stage.root.issue({ id: ENDPOINT_ID }));
      await wantFetched(world, stage);
    },
  });
  return [
    {
      row: 346,
      id: SPIFFE,
      title: 'an endpoint with the right SVID gives its bundle, whatever its host',
      why: 'the twin of all cases of this profile',
      level: 'must',
      spec: FEDERATION.spiffe,
      ops: FETCH,
      script: async (world) => void (await wantFetched(world, await spiffeStage(world))),
    },
    {
      row: 347,
      id: 'spiffe/not-self-serving',
      title: 'an endpoint of a third trust domain is known by the bundle of that one',
      why: 'the bundle that is fetched must not vouch for who serves it',
      level: 'must',
      spec: FEDERATION.notSelfServing,
      ops: FETCH,
      control: SPIFFE,
      async script(world) {
        const third = await world.pki.root('c.test');
        const stage = await spiffeStage(world, { certificate: await third.issue({ path: '/mirror' }) });
        const params = { ...stage.params, endpointId: 'spiffe://c.test/mirror' };
        await wantFetched(world, { ...stage, params: { ...params, endpointBundle: third.bundlePem } });
        stage.endpoint.present(await stage.root.issue({ id: 'spiffe://c.test/mirror' }));
        const forged = { ...params, endpointBundle: third.bundlePem };
        await wantNothing(world, forged, 'the document of who has an SVID of another authority');
      },
    },
    bad('wrong-endpoint-id[id=other]', 'another SPIFFE ID of the trust domain', (_world, { root }) =>
      root.issue({ path: '/other' }),
    ),
    bad('wrong-endpoint-id[id=below]', 'an ID below the right one', (_world, { root }) =>
      root.issue({ id: `${ENDPOINT_ID}/below` }),
    ),
    bad('wrong-endpoint-id[id=forged]', 'the right ID by an authority of its own', async (world) =>
      (await world.pki.stranger('b.test')).issue({ id: ENDPOINT_ID }),
    ),
    bad('wrong-endpoint-id[id=expired]', 'an expired SVID', (_world, { root }) =>
      root.issue({ id: ENDPOINT_ID, defects: ['expired'] }),
    ),
    bad('web-pki-cert', 'a certificate for its host by the right authority', (_world, { root }) =>
      root.issueLegacy({ dnsNames: ['localhost'] }),
    ),
  ];
}

function redirectDrafts(): readonly BehaviourDraft[] {
  const refused = (
    row: number,
    slug: string,
    title: string,
    location: (stage: Stage, plainPort: number) => string,
  ): BehaviourDraft => ({
    row,
    id: `redirect/${slug}`,
    title: `${title} is not followed`,
    why: 'an endpoint that is taken over could send its clients where nothing is proven',
    level: 'must',
    spec: FEDERATION.url,
    ops: FETCH,
    control: 'redirect/https-ok',
    async script(world) {
      const stage = await webStage(world);
      const plain = await plainEndpoint(world, documentOf(stage.root));
      stage.endpoint.replyOnce({ redirect: location(stage, plain.port) });
      await wantNothing(world, stage.params, `what is behind ${title}`);
      wantSame('requests', stage.endpoint.requests.length + plain.asked(), 1);
      await wantFetched(world, stage);
    },
  });
  return [
    {
      row: 351,
      id: 'redirect/https-ok',
      title: 'a redirect to another path is followed',
      why: 'bundles are served through content networks',
      level: 'should',
      spec: FEDERATION.redirect,
      ops: FETCH,
      control: WEB,
      async script(world) {
        const stage = await webStage(world);
        stage.endpoint.replyOnce({ redirect: '/elsewhere', status: 307 });
        await wantFetched(world, stage);
        wantSame(
          'the paths',
          stage.endpoint.requests.map(({ path }) => path),
          ['/bundle.json', '/elsewhere'],
        );
      },
    },
    refused(352, 'http', 'a redirect to http', (_stage, port) => `http://localhost:${port}/bundle.json`),
    refused(353, 'userinfo', 'a redirect to a URL with user information', ({ endpoint }) =>
      endpoint.url.replace('//', '//user@'),
    ),
    {
      row: 355,
      id: 'redirect/loop',
      title: 'a redirect in a circle has an end',
      why: 'it would otherwise cost both sides all that they have',
      level: 'must',
      spec: FEDERATION.redirect,
      ops: FETCH,
      control: 'redirect/https-ok',
      async script(world) {
        const stage = await webStage(world);
        stage.endpoint.replyWith({ redirect: stage.endpoint.url });
        await wantNothing(world, stage.params, 'a circle');
        const { length } = stage.endpoint.requests;
        want(length <= MOST_REDIRECTS, `${length} redirects were followed`);
        stage.endpoint.replyWith({ document: documentOf(stage.root) });
        await wantFetched(world, stage);
      },
    },
    {
      row: 354,
      id: 'redirect/other-id',
      title: 'a redirect to an endpoint with another SPIFFE ID is not believed',
      why: 'the first endpoint could otherwise lend its authority to anyone',
      level: 'must',
      spec: FEDERATION.redirectTls,
      ops: FETCH,
      control: SPIFFE,
      async script(world) {
        const stage = await spiffeStage(world);
        const other = await spiffeStage(world, { certificate: await stage.root.issue({ path: '/other' }) });
        stage.endpoint.replyWith({ redirect: other.endpoint.url });
        await wantNothing(world, stage.params, 'the document of another endpoint');
        wantSame('requests to it', other.endpoint.requests.length, 0);
      },
    },
  ];
}
