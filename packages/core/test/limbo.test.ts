import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { BundleSet } from '../src/bundle-set.ts';
import { Certificate } from '../src/certificate.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { verifyX509Svid } from '../src/verify-x509-svid.ts';
import { findPath } from '../src/verify/certification-path.ts';
import { X509Bundle } from '../src/x509-bundle.ts';
import { derOf, hasLimbo, type LimboCase, limboFolder, type LimboProfile, readLimbo } from './limbo.ts';

interface Decision {
  readonly class: string;
  readonly limbo: string;
  readonly ours: string;
  readonly reason: string;
}

const decisions = JSON.parse(
  readFileSync(new URL('limbo-decisions.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Decision>>;
const { cases, profiles } = hasLimbo ? readLimbo() : { cases: new Map<string, LimboCase>(), profiles: [] };
if (!hasLimbo) console.warn(`skipped: the x509-limbo vectors are not in ${limboFolder}`);

/** Cases without a time of their own are valid around now. */
const ANY_TIME = '2026-06-01T00:00:00Z';
/** Cases per class that gates; a smaller number means that vectors went missing. */
const GATES = { core: 147, 'core-split': 18, 'core-backtrack': 20 };
/** Where an X.509-SVID needs more than RFC 5280 does. */
const ASKS_MORE_OF_AN_SVID = new Set(['rfc5280::no-keyusage']);

describe.skipIf(!hasLimbo)('x509-limbo', () => {
  for (const [cls, count] of Object.entries(GATES)) {
    test(`X-20 all ${count} cases of class ${cls} are judged as limbo judges them`, () => {
      const gating = profiles.filter((one) => one.cls === cls);
      const wrong = gating.filter((one) => judgePath(one) !== one.limbo_expected);
      expect(wrong.map(({ id }) => id)).toEqual([]);
      expect(gating.length).toBe(count);
    });
  }

  test('X-11 X-21 all 5 cases of class spiffe-leaf are judged as X509-SVID wants it', () => {
    const gating = profiles.filter((one) => one.cls === 'spiffe-leaf');
    const wrong = gating.filter((one) => judgeLeaf(one) !== one.spiffe_expected);
    expect(wrong.map(({ id }) => id)).toEqual([]);
    expect(gating.length).toBe(5);
  });

  test('X-20 gating cases whose leaf has a SPIFFE ID are judged the same by the whole verifier', () => {
    const gating = profiles.filter(({ id, cls }) => cls in GATES && hasSpiffeId(id));
    const wrong = gating.filter((one) => judgeLeaf(one) !== one.spiffe_expected);
    expect(new Set(wrong.map(({ id }) => id))).toEqual(ASKS_MORE_OF_AN_SVID);
    expect(gating.length).toBeGreaterThan(40);
  });

  test('what we decide in each case of class split and policy is what is written down, with its reason', () => {
    const open = profiles.filter(({ cls }) => cls === 'split' || cls === 'policy');
    const ours = open.map((one) => [one.id, one.cls, one.limbo_expected, judgePath(one)]);
    const written = Object.entries(decisions).map(([id, one]) => [id, one.class, one.limbo, one.ours]);
    expect(ours).toEqual(written);
  });
});

test('every decision has a reason, and none is written down twice', () => {
  for (const { reason } of Object.values(decisions)) expect(reason).toMatch(/^.{15,}\.$/);
  expect(Object.keys(decisions).length).toBe(44);
});

/** By the rules of RFC 5280 alone. */
function judgePath({ id }: LimboProfile): string {
  const one = caseOf(id);
  return judge(() => {
    const target = Certificate.parse(derOf(one.peer_certificate));
    const intermediates = one.untrusted_intermediates.flatMap(parseOrPass);
    const anchors = one.trusted_certs.flatMap(parseOrPass);
    findPath({ target, intermediates, anchors, ...when(one) });
  });
}

/** As an X.509-SVID of the trust domain that limbo gives its leaves. */
function judgeLeaf({ id }: LimboProfile): string {
  const one = caseOf(id);
  return judge(() => {
    const chain = [one.peer_certificate, ...one.untrusted_intermediates].map(derOf);
    const roots = one.trusted_certs.filter((pem) => parseOrPass(pem).length > 0).map(derOf);
    const bundle = X509Bundle.fromDer(TrustDomain.parse('example.com'), roots);
    verifyX509Svid(chain, BundleSet.of(bundle), when(one));
  });
}

function judge(run: () => void): string {
  try {
    run();
    return 'SUCCESS';
  } catch (error) {
    expect(error).toMatchObject({ name: 'SpiffeError' });
    return 'FAILURE';
  }
}

function when(one: LimboCase): { at: number; role: 'client' | 'server' } {
  return {
    at: Date.parse(one.validation_time ?? ANY_TIME),
    role: one.validation_kind === 'SERVER' ? 'server' : 'client',
  };
}

function hasSpiffeId(id: string): boolean {
  const [leaf] = parseOrPass(caseOf(id).peer_certificate);
  return leaf?.uriSans.some((name) => name.startsWith('spiffe://')) === true;
}

function parseOrPass(pem: string): readonly Certificate[] {
  try {
    return [Certificate.parse(derOf(pem))];
  } catch {
    return [];
  }
}

function caseOf(id: string): LimboCase {
  const found = cases.get(id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}
