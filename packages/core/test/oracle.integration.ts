import { beforeAll, describe, expect, test } from 'vitest';

import { BundleSet } from '../src/bundle-set.ts';
import { Certificate } from '../src/certificate.ts';
import { type Extensions } from '../src/der/extensions.ts';
import { attributesOf, NAME_KIND } from '../src/der/names.ts';
import { acceptedSignature } from '../src/der/signature-algorithm.ts';
import { type SpiffeError } from '../src/errors.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { type VerifiedX509Svid, verifyX509Svid } from '../src/verify-x509-svid.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { fieldsOf, ORACLE_EXCEPTIONS, STRICTER_RULES, type Trait } from './oracle-exceptions.ts';
import { type Question, RandomChains } from './oracle/random-chains.ts';
import { Random } from './oracle/random.ts';
import { judgeByOpenssl } from './oracle/replay.ts';
import { issueCa, issueSvid } from './pki/certificates.ts';
import { ecKey } from './pki/keys.ts';
import { certificatesPem, keyPem } from './pki/pem.ts';

/** Set SVIDKIT_SEED to repeat a run, or to try another one. */
const seed = Number(process.env['SVIDKIT_SEED'] ?? 20_260_601);
const CHAINS = 5100;
const MOST_EXCEPTIONS = 20;

// Whole hours, so that a run that is repeated soon meets the same bytes.
const HOUR = 3_600_000;
const now = Math.floor(Date.now() / HOUR) * HOUR;
const valid = { notBefore: now - 86_400_000, notAfter: now + 86_400_000 };
const A_TEST = TrustDomain.parse('a.test');
const ownKey = ecKey('own');
const own = {
  key: keyPem(ownKey),
  cert: certificatesPem(issueSvid('spiffe://a.test/own', { key: ownKey, ...valid })),
};

/** How often which class of disagreement came up; those without a class are `unexplained`. */
interface Tally {
  readonly agreed: Map<string, number>;
  readonly accepted: Map<string, number>;
  readonly refused: Map<string, number>;
  readonly unexplained: string[];
}

describe('OpenSSL as a judge of the same chains', () => {
  let tally: Tally;

  beforeAll(() => {
    console.info(`oracle: ${CHAINS} chains from SVIDKIT_SEED=${seed}`);
    tally = compare(new RandomChains(new Random(seed), now), CHAINS);
    console.info('oracle:', tally);
  }, 60_000);

  test('X-20 no chain is accepted that OpenSSL refuses, nor refused that it accepts, but for what is written down', () => {
    expect(tally.unexplained).toEqual([]);
  });

  test('X-20 both verdicts come up often enough to mean something', () => {
    expect(tally.agreed.get('accepted')).toBeGreaterThan(CHAINS / 10);
    expect(tally.agreed.get('refused')).toBeGreaterThan(CHAINS / 10);
  });

  test(`exceptions are at most ${MOST_EXCEPTIONS}, and each still comes up`, () => {
    expect(ORACLE_EXCEPTIONS.length).toBeLessThanOrEqual(MOST_EXCEPTIONS);
    expect([...tally.accepted.keys()].toSorted()).toEqual(
      ORACLE_EXCEPTIONS.map(({ name }) => name).toSorted(),
    );
  });

  test.for(['client', 'server'] as const)(
    'the oracle itself tells a right chain of a %s from a wrong one',
    (role) => {
      const root = issueCa({ key: ecKey('root'), subject: 'root', ...valid });
      const other = issueCa({ key: ecKey('other'), subject: 'root', ...valid });
      const chain = [issueSvid('spiffe://a.test/web', { key: ecKey('web'), issuer: root, ...valid }).der];
      expect(judgeByOpenssl(chain, [root.der], role, own)).toBe('OK');
      expect(judgeByOpenssl(chain, [other.der], role, own)).toMatch(/^UNABLE_TO_/);
      expect(judgeByOpenssl(chain, [], role, own)).toMatch(/^UNABLE_TO_/);
    },
  );
});

function compare(chains: RandomChains, count: number): Tally {
  const tally: Tally = { agreed: new Map(), accepted: new Map(), refused: new Map(), unexplained: [] };
  for (let index = 0; index < count; index++) {
    const question = chains.next(index);
    const openssl = judgeByOpenssl(question.chain, question.anchors, question.role, own);
    const ours = judge(question);
    if ('path' in ours === (openssl === 'OK')) bump(tally.agreed, openssl === 'OK' ? 'accepted' : 'refused');
    else if ('path' in ours)
      explain(tally.accepted, acceptedClass(question, ours.path), index, openssl, tally);
    else explain(tally.refused, refusedClass(question, ours), index, `${ours.code} ${ours.message}`, tally);
  }
  return tally;
}

function judge({ chain, anchors, role }: Question): VerifiedX509Svid | SpiffeError {
  try {
    return verifyX509Svid(chain, BundleSet.of(X509Bundle.fromDer(A_TEST, anchors)), { at: Date.now(), role });
  } catch (error) {
    expect(error).toMatchObject({ name: 'SpiffeError' });
    return error as SpiffeError;
  }
}

function acceptedClass(question: Question, path: readonly Certificate[]): string | undefined {
  const ders = path.map(({ der }) => Buffer.from(der));
  const openssl = judgeByOpenssl(ders.slice(0, -1), ders.slice(-1), question.role, own);
  const others = [...question.chain.slice(1), ...question.anchors].flatMap(parseOrPass);
  return ORACLE_EXCEPTIONS.find((one) => one.matches({ openssl, path, others, role: question.role }))?.name;
}

function refusedClass({ chain, anchors }: Question, { code }: SpiffeError): string | undefined {
  const traits = traitsOf(chain, anchors);
  return STRICTER_RULES.find((one) => one.matches({ code, traits }))?.name;
}

function traitsOf(chain: readonly Buffer[], anchors: readonly Buffer[]): ReadonlySet<Trait> {
  const [leaf] = chain.slice(0, 1).flatMap(parseOrPass);
  const issuers = [...chain.slice(1), ...anchors].flatMap(parseOrPass);
  const all = [...(leaf === undefined ? [] : [leaf]), ...issuers];
  const fields = all.map(fieldsOf);
  const isParsed = all.length === chain.length + anchors.length;
  const present: readonly (readonly [Trait, boolean])[] = [
    ['does not parse', !isParsed],
    ['anchor left out', isParsed && X509Bundle.fromDer(A_TEST, anchors).skipped.length > 0],
    ['weak signature', fields.some((one) => acceptedSignature(one.signatureAlgorithm) === undefined)],
    ['weak key', fields.some((one) => one.publicKey.weakness !== undefined)],
    ['serial zero', fields.some((one) => one.serialNumber === '0')],
    ['leaf is an issuer', leaf !== undefined && issuers.some((one) => isSamePrincipal(leaf, one))],
    ['names nearly alike', all.some((low) => all.some((high) => isNearlyIssuedBy(low, high)))],
    ['DNS constraints', fields.some(({ extensions }) => hasDnsConstraints(extensions))],
  ];
  return new Set(present.filter(([, isPresent]) => isPresent).map(([trait]) => trait));
}

function isSamePrincipal(one: Certificate, other: Certificate): boolean {
  return (
    Buffer.compare(one.subject, other.subject) === 0 &&
    fieldsOf(one).publicKey.der.equals(fieldsOf(other).publicKey.der)
  );
}

function isNearlyIssuedBy(low: Certificate, high: Certificate): boolean {
  return readable(low.issuer) === readable(high.subject) && Buffer.compare(low.issuer, high.subject) !== 0;
}

function hasDnsConstraints({ nameConstraints }: Extensions): boolean {
  const subtrees = [...(nameConstraints?.permitted ?? []), ...(nameConstraints?.excluded ?? [])];
  return subtrees.some(({ kind }) => kind === NAME_KIND.dns);
}

function readable(name: Uint8Array): string {
  const values = attributesOf(Buffer.from(name), 'name')
    .flat()
    .map(({ value }) => value.toString('latin1').trim().toLowerCase());
  return values.join();
}

function explain(
  classes: Map<string, number>,
  name: string | undefined,
  index: number,
  what: string,
  tally: Tally,
): void {
  if (name === undefined) tally.unexplained.push(`chain ${index}: ${what}`);
  else bump(classes, name);
}

function bump(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function parseOrPass(der: Buffer): readonly Certificate[] {
  try {
    return [Certificate.parse(der)];
  } catch {
    return [];
  }
}
