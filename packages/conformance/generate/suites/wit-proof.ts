import { type Json, type JsonObject } from '../../src/json.ts';
import { type Level, type SpecReference } from '../../src/vectors/vector.ts';
import { type Draft, ok, reject } from '../draft.ts';
import { mint, sha256, type TokenKey, tokenKey } from '../jwt/token.ts';
import { type SuiteDraft } from '../render.ts';
import { WIT_SPEC } from '../spec-quotes-wit.ts';
import { BUNDLES, confirmed, EVIL, HOLDER, token, type Variant } from './wit-svid-case.ts';

const URL_OF_IT = 'https://api.example.org/orders';
/** An instant in 2030: proofs live for seconds, so that every case has a clock of its own. */
const T = 1_900_000_000;
const AT = '2030-03-17T17:46:40Z';
const TOKEN = token();
const hashOf = (text: string): string => sha256(Buffer.from(text)).toString('base64url');

type Changes = Readonly<Record<string, Json | undefined>>;

/** A good proof for `TOKEN`, but for these claims and headers. */
function proof(claims: Changes = {}, header: Changes = {}, key: TokenKey = HOLDER): string {
  const good = { aud: URL_OF_IT, exp: T + 30, jti: 'one', wth: hashOf(TOKEN) };
  return mint(without({ alg: key.alg, typ: 'wpt+jwt', ...header }), without({ ...good, ...claims }), key);
}

function without(members: Changes): JsonObject {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

interface Plan {
  readonly level: Level;
  readonly spec: readonly SpecReference[];
  /** undefined: none is sent. */
  readonly proof: string | undefined;
  readonly token?: string;
  readonly why?: string;
  readonly control?: string;
}

function accept(id: string, title: string, plan: Plan): Draft {
  const { level, spec, why } = plan;
  return {
    row: 443,
    id,
    title,
    why,
    level,
    spec,
    at: AT,
    op: 'wit.accept',
    params: without({ token: plan.token ?? TOKEN, proof: plan.proof, url: URL_OF_IT, bundles: BUNDLES }),
    expect: ok({ id: 'spiffe://example.org/web' }),
  };
}

function refuse(id: string, title: string, codes: readonly string[], plan: Plan): Draft {
  return {
    ...accept(id, title, plan),
    row: 444,
    control: plan.control ?? 'accept/proof',
    expect: reject(...codes),
  };
}

/** Section 17 of the catalogue: WIT-SVIDs with their proof of possession, as a WIMSE Workload Proof Token. */
export function witProofSuite(): SuiteDraft {
  return { suite: 'wit-proof', drafts: [...accepted(), ...possession(), ...scope()] };
}

function accepted(): readonly Draft[] {
  const good = { level: 'should', spec: [WIT_SPEC.wimse] } as const;
  const other = tokenKey('ES384', 'wit holder');
  const otherToken = token({ cnf: { jwk: confirmed({}, other) } });
  return [
    accept('accept/proof', 'a token with a proof of its key is accepted', { ...good, proof: proof() }),
    accept('accept/proof-es384', 'a proof by a key of another kind is accepted', {
      ...good,
      token: otherToken,
      proof: proof({ wth: hashOf(otherToken) }, {}, other),
    }),
    accept('accept/more', 'claims and headers that nobody knows are passed over', {
      ...good,
      proof: proof({ 'x-more': 1, iat: T }, { 'x-more': 1 }),
    }),
  ];
}

/** Of the key in the token, and there at all. */
function possession(): readonly Draft[] {
  const must = { level: 'must', spec: [WIT_SPEC.proof, WIT_SPEC.accepted] } as const;
  const bound = { level: 'must', spec: [WIT_SPEC.bound] } as const;
  const [header = '', claims = ''] = proof().split('.');
  const claimed = { ...EVIL.publicKey.export({ format: 'jwk' }), alg: 'ES256' };
  return [
    refuse('reject/missing', 'a token without a proof is refused', ['proof.missing'], {
      ...must,
      proof: undefined,
      why: 'whoever has seen a WIT-SVID once could pass for its subject',
    }),
    refuse('reject/empty', 'an empty proof is refused', ['proof.missing', 'proof.malformed'], {
      ...must,
      proof: '',
    }),
    refuse(
      'reject/token-as-proof',
      'a token is no proof of itself',
      ['proof.typ', 'proof.signature', 'proof.wth', 'proof.malformed'],
      {
        ...must,
        proof: TOKEN,
      },
    ),
    refuse(
      'reject/unsigned',
      'a proof without a signature is refused',
      ['proof.missing', 'proof.malformed', 'proof.alg'],
      {
        ...must,
        proof: `${header}.${claims}.`,
      },
    ),
    refuse(
      'reject/alg-none',
      'a proof with alg none is refused',
      ['proof.alg', 'proof.missing', 'proof.malformed'],
      {
        ...must,
        proof: `${mint({ alg: 'none', typ: 'wpt+jwt' }, {}, HOLDER).split('.')[0]}.${claims}.AAAA`,
      },
    ),
    refuse('reject/other-key', 'a proof by another key is refused', ['proof.signature'], {
      ...bound,
      proof: proof({}, {}, EVIL),
    }),
    refuse('reject/header-key', 'the key that a proof offers is not believed', ['proof.signature'], {
      ...bound,
      proof: proof({}, { jwk: claimed as { kty: string } }, EVIL),
    }),
  ];
}

/** For this token, this recipient, this moment. */
function scope(): readonly Draft[] {
  const plan = { level: 'should', spec: [WIT_SPEC.wimse, WIT_SPEC.scope] } as const;
  const values: readonly (readonly [...Variant<Changes>, readonly string[]])[] = [
    ['wth-missing', 'a proof for no token is refused', { wth: undefined }, ['proof.wth']],
    [
      'wth-other',
      'a proof for another token of the same key is refused',
      { wth: hashOf(token({ jti: 'x' })) },
      ['proof.wth'],
    ],
    ['aud-missing', 'a proof for nobody is refused', { aud: undefined }, ['proof.aud']],
    [
      'aud-other',
      'a proof for another server is refused',
      { aud: 'https://other.example.org/orders' },
      ['proof.aud'],
    ],
    [
      'aud-path',
      'a proof for another path is refused',
      { aud: 'https://api.example.org/admin' },
      ['proof.aud'],
    ],
    ['jti-missing', 'a proof without an ID is refused', { jti: undefined }, ['proof.jti']],
    [
      'ath-of-nothing',
      'a proof that names an access token that is not there is refused',
      { ath: hashOf('x') },
      ['proof.ath'],
    ],
  ];
  const life = { level: 'must', spec: [WIT_SPEC.lifespan] } as const;
  return [
    ...values.map(([id, title, claims, codes]) =>
      refuse(`reject/${id}`, title, codes, { ...plan, proof: proof(claims) }),
    ),
    refuse('reject/exp-missing', 'a proof that never ends is refused', ['proof.exp'], {
      ...life,
      proof: proof({ exp: undefined }),
    }),
    refuse('reject/exp-past', 'a proof that is over is refused', ['proof.exp'], {
      ...life,
      proof: proof({ exp: T - 300 }),
    }),
    refuse('reject/exp-year', 'a proof that lives for a year is refused', ['proof.exp'], {
      ...plan,
      spec: [WIT_SPEC.wimse, WIT_SPEC.lifespan],
      proof: proof({ exp: T + 31_536_000 }),
    }),
    ...['JWT', 'wit+jwt', undefined].map((typ) =>
      refuse(
        `reject/typ-${(typ ?? 'missing').toLowerCase().replace('+', '-')}`,
        `typ ${typ ?? 'missing'} of a proof is refused`,
        ['proof.typ'],
        {
          ...plan,
          spec: [WIT_SPEC.wimse],
          proof: proof({}, { typ }),
        },
      ),
    ),
  ];
}
