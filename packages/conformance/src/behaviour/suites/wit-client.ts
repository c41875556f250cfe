import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';

import { createTestWitAuthority, type TestWitAuthority, type TestWitEntry } from '@svidkit/testkit';

import { isObject, type Json, type JsonObject, member, parseJson } from '../../json.ts';
import { type SpecReference } from '../../vectors/vector.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { want, wantSame } from '../ended.ts';
import { textFields } from '../protobuf.ts';
import { witBundlesMessage, witMessage } from '../wit-messages.ts';
import { STATUS } from '../workload-call.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  SOURCE_OPS,
  wantHeader,
  wantNext,
  wantQuiet,
  wantYes,
  workloadApi,
  workloadStage,
  X509_FEATURES,
} from '../workload-stage.ts';
import { type World } from '../world.ts';

const FETCH = 'svid/first-message';
const BUNDLES = 'bundles/first-message';

const SPEC = {
  svids: cite(
    '7.2.1',
    'The `WITSVIDResponse` response consists of a mandatory `svids` field, which MUST contain one or more `WITSVID` messages (one for each identity granted to the client).',
  ),
  subject: cite(
    '7.2.1',
    'The `WITSVIDRequest` request message has a single optional `spiffe_id` field, which is used to request a WIT-SVID for a specific SPIFFE ID.',
  ),
  mandatory: cite(
    '7.2.1',
    'All fields in the `WITSVID` message are mandatory, with the exception of the `hint` field.',
  ),
  sameHint: cite(
    '7.2.1',
    'In the event that a SPIFFE Workload API client encounters more than one `WITSVID` message with the same `hint` value set, then the first message in the list SHOULD be selected.',
  ),
  bundles: cite('7.2.2', 'Bundles are encoded in JWK Set (RFC 7517) format.'),
  uses: {
    doc: 'KIT',
    section: 'workload-api',
    quote: 'Keys of other uses in a bundle are passed over, whoever put them there.',
  },
  unimplemented: cite(
    '7',
    'If the client receives an "Unimplemented" status code calling a WIT-SVID profile RPC, it SHOULD NOT attempt to reconnect to the server using the WIT-SVID profile.',
  ),
} as const;

/** The port asks a Workload API for WIT-SVIDs. The profile is incubating. */
export function witClientDrafts(): readonly BehaviourDraft[] {
  return [...svidDrafts(), ...badDrafts(), ...bundleDrafts(), unimplemented()];
}

function svidDrafts(): readonly BehaviourDraft[] {
  const ops = ['workload.wit'] as const;
  return [
    {
      row: 445,
      id: FETCH,
      title: 'WIT-SVIDs come with their keys as JWK texts',
      why: 'the twin of all cases about WIT-SVIDs',
      level: 'must',
      spec: SPEC.svids,
      ops,
      async script(world) {
        const { api, authority } = await stage(world);
        const entries = [authority.issue({ subject: '/port' }), authority.issue({ subject: '/second' })];
        api.wit.publish(witMessage(...entries));
        wantSvids(await fetched(world, { address: api.address }), entries);
        const [call] = api.wit.calls;
        want(call !== undefined, 'the call was not made');
        wantHeader(call);
        wantSame('the request', [...textFields(call.request)], []);
      },
    },
    {
      row: 445,
      id: 'svid/keys-of-every-kind',
      title: 'a key on P-384 and an RSA key are keys of workloads',
      why: 'the agent decides what keys there are',
      level: 'must',
      spec: SPEC.svids,
      ops,
      control: FETCH,
      async script(world) {
        const { api, authority } = await stage(world);
        const entries = [
          authority.issue({ subject: '/port', algorithm: 'ES384' }),
          authority.issue({ subject: '/second', algorithm: 'PS256' }),
        ];
        api.wit.publish(witMessage(...entries));
        wantSvids(await fetched(world, { address: api.address }), entries);
      },
    },
    {
      row: 446,
      id: 'svid/for-id',
      title: 'a WIT-SVID for one of several identities is asked for with its ID',
      why: 'a process with two names would introduce itself with the wrong one',
      level: 'must',
      spec: SPEC.subject,
      ops,
      control: FETCH,
      async script(world) {
        const { api, authority } = await stage(world);
        const id = 'spiffe://a.test/second';
        const entry = authority.issue({ subject: '/second' });
        api.wit.publish(witMessage(entry));
        wantSvids(await fetched(world, { address: api.address, id }), [entry]);
        const [call] = api.wit.calls;
        wantSame('the ID of the request', call && textFields(call.request).get(1), [id]);
      },
    },
    {
      row: 448,
      id: 'svid/duplicate-hint-first',
      title: 'of two WIT-SVIDs with the same hint the first one counts',
      why: 'two clients would choose differently',
      level: 'should',
      spec: SPEC.sameHint,
      ops,
      control: FETCH,
      async script(world) {
        const { api, authority } = await stage(world);
        const [first, second, other] = ['/port', '/second', '/third'].map((subject) => ({
          ...authority.issue({ subject }),
          hint: subject === '/third' ? 'external' : 'internal',
        }));
        want(first !== undefined && second !== undefined && other !== undefined, 'no WIT-SVIDs were made');
        api.wit.publish(witMessage(first, second, other));
        const svids = await fetched(world, { address: api.address });
        const hinted = svids.filter((one) => member(one, 'hint') === 'internal');
        wantSvids(hinted.slice(0, 1), [first]);
        want(
          svids.some((one) => member(one, 'hint') === 'external'),
          'the one with another hint is gone',
        );
      },
    },
  ];
}

/** Messages that must not be used. */
function badDrafts(): readonly BehaviourDraft[] {
  const bad = (
    slug: string,
    title: string,
    level: 'should' | 'ref',
    spoil: (entry: TestWitEntry, other: TestWitEntry) => Uint8Array,
  ): BehaviourDraft => ({
    row: 447,
    id: `svid/${slug}`,
    title: `a message ${title} is refused`,
    why: 'a slip of the agent would put half of an identity in use',
    level,
    spec:
      level === 'should' ? (slug.includes('svids') ? WORKLOAD.mandatory : SPEC.mandatory) : WORKLOAD.discards,
    ops: ['workload.wit'],
    control: FETCH,
    async script(world) {
      const { api, authority } = await stage(world);
      const [entry, other] = [authority.issue({ subject: '/port' }), authority.issue({ subject: '/port' })];
      api.wit.publish(witMessage(entry));
      wantSvids(await fetched(world, { address: api.address }), [entry]);
      api.wit.publish(spoil(entry, other));
      const answer = await world.ask('workload.wit', { address: api.address });
      want(answer.kind === 'reject', 'the message was taken');
    },
  });
  return [
    bad('mandatory-default[field=svids]', 'without a WIT-SVID', 'should', () => new Uint8Array()),
    bad('mandatory-default[field=spiffe-id]', 'whose WIT-SVID has no SPIFFE ID', 'should', (entry) =>
      witMessage({ ...entry, spiffeId: '' }),
    ),
    bad('mandatory-default[field=wit-svid]', 'whose WIT-SVID has no token', 'should', (entry) =>
      witMessage({ ...entry, witSvid: '' }),
    ),
    bad('mandatory-default[field=wit-svid-key]', 'whose WIT-SVID has no key', 'should', (entry) =>
      witMessage({ ...entry, witSvidKey: '' }),
    ),
    bad('key-mismatch', 'whose key is not the one in the token', 'ref', (entry, other) =>
      witMessage({ ...entry, witSvidKey: other.witSvidKey }),
    ),
    bad('key-public', 'whose key is a public one', 'ref', (entry) => {
      const { d: _secret, ...jwk } = objectOf(entry.witSvidKey);
      return witMessage({ ...entry, witSvidKey: JSON.stringify(jwk) });
    }),
    bad('id-mismatch', 'whose token is of another ID', 'ref', (entry) =>
      witMessage({ ...entry, spiffeId: 'spiffe://a.test/other' }),
    ),
    bad('no-token', 'whose token is none', 'ref', (entry) => witMessage({ ...entry, witSvid: 'a.b.c' })),
  ];
}

function bundleDrafts(): readonly BehaviourDraft[] {
  const ops = ['workload.witBundles'] as const;
  const keysOf = (authority: TestWitAuthority): readonly JsonObject[] =>
    objectsOf(member(objectOf(authority.bundle()), 'keys'));
  return [
    {
      row: 449,
      id: BUNDLES,
      title: 'WIT bundles are JWK Sets as text, by trust domain',
      why: 'the twin of all cases about WIT bundles',
      level: 'must',
      spec: SPEC.bundles,
      ops,
      async script(world) {
        const api = await workloadApi(world);
        const [own, friend] = [authorityOf('a.test', 'Key-1'), authorityOf('b.test', 'key/2')];
        api.witBundles.publish(witBundlesMessage({ 'a.test': own.bundle(), 'b.test': friend.bundle() }));
        const answer = await wantYes(world, 'workload.witBundles', { address: api.address }, 'WIT bundles');
        wantSame('the keys', member(answer, 'bundles'), { 'a.test': ['Key-1'], 'b.test': ['key/2'] });
      },
    },
    {
      row: 449,
      id: 'bundles/other-uses',
      title: 'keys of other uses in a WIT bundle are left out',
      why: 'a key for JWT-SVIDs must not be able to make WIT-SVIDs',
      level: 'ref',
      spec: SPEC.uses,
      ops,
      async script(world) {
        const api = await workloadApi(world);
        const [own, friend] = [authorityOf('a.test', 'Key-1'), authorityOf('b.test', 'key/2')];
        const jwt = keysOf(authorityOf('a.test', 'jwt')).map((key) => ({ ...key, use: 'jwt-svid' }));
        const mixed = JSON.stringify({ keys: [...keysOf(own), ...jwt] });
        api.witBundles.publish(witBundlesMessage({ 'a.test': mixed, 'b.test': friend.bundle() }));
        const answer = await wantYes(world, 'workload.witBundles', { address: api.address }, 'WIT bundles');
        wantSame('the keys', member(answer, 'bundles'), { 'a.test': ['Key-1'], 'b.test': ['key/2'] });
      },
    },
    ...(['no JSON', '{"keys":7}'] as const).map((set, index): BehaviourDraft => ({
      row: 449,
      id: `bundles/garbage[what=${index === 0 ? 'no-json' : 'no-keys'}]`,
      title: `a WIT bundle that is ${index === 0 ? 'no JSON' : 'no JWK Set'} is refused`,
      why: 'a trust domain without keys is not one whose keys cannot be read',
      level: 'ref',
      spec: WORKLOAD.discards,
      ops,
      control: BUNDLES,
      async script(world) {
        const api = await workloadApi(world);
        const good = authorityOf('a.test').bundle();
        const params = { address: api.address };
        api.witBundles.publish(witBundlesMessage({ 'a.test': good }));
        await wantYes(world, 'workload.witBundles', params, 'a WIT bundle');
        api.witBundles.publish(witBundlesMessage({ 'a.test': good, 'b.test': set }));
        const answer = await world.ask('workload.witBundles', params);
        want(answer.kind === 'reject', 'the message was taken');
      },
    })),
  ];
}

function unimplemented(): BehaviourDraft {
  return {
    row: 450,
    id: 'error/unimplemented-final',
    title: 'an agent without WIT-SVIDs is asked once, and X.509-SVIDs go on',
    why: 'most agents have none, and an optional profile must not take the other one down',
    level: 'should',
    spec: SPEC.unimplemented,
    ops: ['workload.watchWit', ...SOURCE_OPS],
    features: X509_FEATURES,
    control: '/workload-api/x509/first-message',
    async script(world) {
      const x509 = await workloadStage(world);
      x509.api.wit.answer((call) => call.refuse(STATUS.unimplemented, 'no such profile'));
      const answer = await world.ask('workload.watchWit', { address: x509.api.address });
      want(answer.kind === 'reject', 'the end was not told');
      await wantQuiet(x509.api.wit, 'after the first');
      wantSame('calls', x509.api.wit.calls.length, 1);
      await wantNext(world, x509);
    },
  };
}

function cite(section: string, quote: string): SpecReference {
  return { doc: 'WORKLOAD-API', section, quote };
}

async function stage(world: World) {
  return { api: await workloadApi(world), authority: authorityOf('a.test') };
}

function authorityOf(trustDomain: string, keyId = 'first'): TestWitAuthority {
  return createTestWitAuthority({ trustDomain, keyId });
}

async function fetched(world: World, params: JsonObject): Promise<readonly JsonObject[]> {
  const answer = await wantYes(world, 'workload.wit', params, 'a WIT-SVID');
  return objectsOf(member(answer, 'svids'));
}

/** Wants these WIT-SVIDs in this order, each with its key. */
function wantSvids(svids: readonly JsonObject[], entries: readonly TestWitEntry[]): void {
  wantSame(
    'the WIT-SVIDs',
    svids.map((one) => [member(one, 'id'), member(one, 'spkiSha256')]),
    entries.map(({ spiffeId, witSvidKey }) => [spiffeId, keyHash(witSvidKey)]),
  );
  for (const [index, one] of svids.entries()) {
    // Keys of some libraries have none.
    const alg = member(one, 'alg');
    const key = entries[index]?.witSvidKey ?? '{}';
    if (alg !== undefined) wantSame('the algorithm of a key', alg, member(objectOf(key), 'alg'));
  }
}

function keyHash(jwk: string): string {
  const key = createPrivateKey({ key: { ...objectOf(jwk) }, format: 'jwk' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('hex');
}

/** The object that a JSON text has. */
function objectOf(text: string): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) throw new Error('no object');
  return value;
}

/** The objects of a list. */
function objectsOf(list: Json | undefined): readonly JsonObject[] {
  const values: readonly Json[] = Array.isArray(list) ? list : [];
  return values.filter((one) => isObject(one));
}
