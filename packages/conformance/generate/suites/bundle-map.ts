import { type JsonObject } from '../../src/json.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate } from '../pki/certificate.ts';
import { ROOT, ROOT_B, TD } from '../pki/world.ts';
import { type SuiteDraft } from '../render.ts';
import { SPEC } from '../spec-quotes.ts';
import { BUNDLE_BOOK, documentOf, jwt, NO_JSON, NO_KEYS, x509 } from './bundle-json-case.ts';

const OTHER = 'other.example';
const NAMES = ['bundle.td', 'bundle.malformed', 'id.td.char', 'id.td.case', 'id.td.empty', 'id.empty'];
const GOOD = documentOf([x509(ROOT)]);
const GOOD_B = documentOf([x509(ROOT_B)]);

/** Rows 177 to 182 and 185 of the catalogue: the bundles of several trust domains in one document. */
export function bundleMapSuite(): SuiteDraft {
  return { suite: 'bundle-map', recipes: BUNDLE_BOOK.recipes, drafts: [...mapDrafts(), ...grpcDrafts()] };
}

function mapDrafts(): readonly Draft[] {
  const level = { spec: [SPEC.mapTrustDomains] };
  const bad = (slug: string, title: string, name: string): Draft =>
    refuse(179, `map/bad-td-name[name=${slug}]`, title, mapOf([name, GOOD]), NAMES, {
      spec: [SPEC.mapTrustDomains],
    });
  const twice = (slug: string, title: string, name: string): Draft =>
    either(
      180,
      `choice/duplicate-td[name=${slug}]`,
      title,
      `{"trust_domains":{"${TD}":${GOOD},"${name}":${GOOD_B}}}`,
      {
        refused: reject('bundle.duplicate', 'bundle.td', ...NO_JSON),
        first: answer([TD, [ROOT]]),
        last: answer([TD, [ROOT_B]]),
      },
      {
        spec: [SPEC.mapDuplicates],
        why: 'two readers could trust different authorities; both at once is never right',
      },
    );
  return [
    accept(
      177,
      'map/two-domains',
      'each trust domain has its own authorities',
      mapOf([TD, GOOD], [OTHER, GOOD_B]),
      [
        [TD, [ROOT]],
        [OTHER, [ROOT_B]],
      ],
      { spec: [SPEC.mapTrustDomains, SPEC.neverMerge] },
    ),
    accept(177, 'map/empty', 'a map of no trust domains', mapOf(), [], level),
    refuse(
      178,
      'map/trust-domains-missing',
      'a document without trust_domains is no map',
      GOOD,
      [...NO_KEYS, 'bundle.td'],
      level,
    ),
    bad('hash', 'a name with a character that names do not have', '#'),
    either(
      179,
      'choice/td-name-upper',
      'a name in upper case',
      mapOf(['Example.org', GOOD]),
      { refused: reject(...NAMES), 'lower-cased': answer([TD, [ROOT]]) },
      { spec: [SPEC.mapTrustDomains, SPEC.idHostLower, SPEC.idCase] },
    ),
    bad('empty', 'an empty name', ''),
    bad('id', 'a SPIFFE ID in place of a name', `spiffe://${TD}`),
    twice('same', 'a trust domain twice', TD),
    twice('escaped', 'a trust domain twice, in two spellings', `\\u0065${TD.slice(1)}`),
    either(
      181,
      'choice/one-bad-bundle',
      'one bundle that is none',
      mapOf([TD, GOOD], [OTHER, '{}']),
      {
        refused: reject(...NO_KEYS),
        dropped: answer([TD, [ROOT]]),
      },
      level,
    ),
    accept(
      182,
      'map/inner-refresh-ignored',
      'refresh hints of bundles do no harm',
      mapOf([TD, documentOf([x509(ROOT)], { spiffe_refresh_hint: 1 })]),
      [[TD, [ROOT]]],
      { spec: [SPEC.mapRefresh] },
    ),
  ];
}

/** Row 185: what gRPC asks of bundle maps in its own tests, with cases of our own making. */
function grpcDrafts(): readonly Draft[] {
  const only = (entry: JsonObject | readonly JsonObject[], members: JsonObject = {}): string =>
    mapOf([TD, documentOf([entry].flat(), members)], [OTHER, GOOD_B]);
  const rest: readonly [string, readonly Certificate[]] = [OTHER, [ROOT_B]];
  const open = (slug: string, title: string, json: string, mine: readonly Certificate[] | undefined): Draft =>
    either(
      185,
      `third-party/grpc-${slug}`,
      title,
      json,
      {
        'by-the-standard': answer([TD, mine ?? []], rest),
        refused: reject('bundle.x5c', 'bundle.kid', 'bundle.sequence', 'bundle.malformed', 'der.malformed'),
        dropped: answer(rest),
      },
      { spec: [SPEC.bundleUnknown] },
    );
  const whole = (
    slug: string,
    title: string,
    json: string,
    ...found: readonly (readonly [string, readonly Certificate[]])[]
  ): Draft => accept(185, `third-party/grpc-${slug}`, title, json, found, { spec: [SPEC.mapTrustDomains] });
  return [
    whole(
      'two-domains',
      'a map of two trust domains',
      mapOf([TD, GOOD], [OTHER, GOOD_B]),
      [TD, [ROOT]],
      rest,
    ),
    whole(
      'several-roots',
      'a trust domain with two authorities',
      only([x509(ROOT), x509(ROOT_B)]),
      [TD, [ROOT, ROOT_B]],
      rest,
    ),
    whole(
      'empty-keys',
      'a trust domain without authorities',
      mapOf([TD, documentOf([])], [OTHER, GOOD_B]),
      [TD, []],
      rest,
    ),
    whole(
      'jwt-ignored',
      'keys for JWT-SVIDs beside authorities',
      only([x509(ROOT), jwt('a')]),
      [TD, [ROOT]],
      rest,
    ),
    whole(
      'unknown-members',
      'members that nobody knows',
      only(x509(ROOT, { extra: 1 }), { extra: 1 }),
      [TD, [ROOT]],
      rest,
    ),
    open(
      'corrupted-cert',
      'a certificate that is cut off',
      only(x509(ROOT, { x5c: [BUNDLE_BOOK.base64(ROOT).slice(0, 80)] })),
      undefined,
    ),
    open('wrong-kid', 'an authority with a key ID', only(x509(ROOT, { kid: 'some' })), [ROOT]),
    open('wrong-kty', 'an authority of an unknown key type', only(x509(ROOT, { kty: 'some' })), undefined),
    open(
      'wrong-use',
      'an authority of an unknown use',
      only(x509(ROOT, { use: 'i-am-not-x509-svid' })),
      undefined,
    ),
    open('wrong-seq-type', 'a sequence number with a fraction', only(x509(ROOT), { spiffe_sequence: 1.5 }), [
      ROOT,
    ]),
    open(
      'multi-certs',
      'two certificates in one entry',
      only(x509(ROOT, { x5c: [BUNDLE_BOOK.base64(ROOT), BUNDLE_BOOK.base64(ROOT_B)] })),
      [ROOT],
    ),
    refuse(
      185,
      'third-party/grpc-no-keys',
      'a trust domain whose keys are none',
      mapOf([TD, '{"keys":"x"}']),
      NO_KEYS,
      {
        spec: [SPEC.bundleKeys],
      },
    ),
    refuse(
      185,
      'third-party/grpc-not-an-object',
      'a list in place of trust_domains',
      '{"trust_domains":[]}',
      [...NO_KEYS, 'bundle.td'],
      {
        spec: [SPEC.mapTrustDomains],
      },
    ),
    refuse(
      185,
      'third-party/grpc-malformed',
      'a document that is cut off',
      mapOf([TD, GOOD]).slice(0, -1),
      NO_JSON,
      {
        spec: [SPEC.rfc8259('2')],
      },
    ),
  ];
}

function mapOf(...entries: readonly (readonly [name: string, document: string])[]): string {
  const members = entries.map(([name, document]) => `${JSON.stringify(name)}:${document}`);
  return `{"trust_domains":{${members.join(',')}}}`;
}

/** Sorted by trust domain, as the protocol has it. */
function answer(
  ...found: readonly (readonly [name: string, authorities: readonly Certificate[]])[]
): ReturnType<typeof ok> {
  return ok({
    bundles: found.map(([trustDomain, authorities]) => ({
      trustDomain,
      x509Sha256: authorities.map((one) => BUNDLE_BOOK.fingerprint(one)).toSorted(),
    })),
  });
}

type Extra = Partial<Draft>;

function accept(
  row: number,
  id: string,
  title: string,
  json: string,
  found: readonly (readonly [name: string, authorities: readonly Certificate[]])[],
  extra: Extra,
): Draft {
  return {
    row,
    id,
    title,
    level: 'must',
    spec: [],
    op: 'bundleMap.parse',
    params: { json },
    expect: answer(...found),
    ...extra,
  };
}

function refuse(
  row: number,
  id: string,
  title: string,
  json: string,
  codes: readonly string[],
  extra: Extra,
): Draft {
  return { ...accept(row, id, title, json, [], extra), control: 'map/two-domains', expect: reject(...codes) };
}

function either(
  row: number,
  id: string,
  title: string,
  json: string,
  branches: Parameters<typeof choice>[0],
  extra: Extra,
): Draft {
  return {
    ...accept(row, id, title, json, [], extra),
    level: 'choice',
    control: 'map/two-domains',
    expect: choice(branches),
  };
}
