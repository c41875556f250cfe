import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { usageFailure } from '../exit-code.ts';
import { isStringList, type JsonObject, member, textMember } from '../json.ts';
import { type Case, type Expectation } from '../vectors/vector.ts';
import { type OutsideSuite } from './outside-suite.ts';
import { objectsOf, readDocument } from './read-document.ts';

/** A verifier that needs longer gives a stranger too much of its time. */
const DEADLINE_MS = 2000;
/** Classes that decide; what is in others is recorded, and those about names, purposes and CRLs are left out. */
const GATES = new Set(['core', 'core-split', 'core-backtrack', 'spiffe-leaf']);
const OMITTED = /^na-/;
const UNCLASSIFIED = 'unclassified';
/** Where an X.509-SVID may need more than RFC 5280 does: key usage must be set (X509-SVID 4.3), and readers differ. */
const SVID_DECIDES = new Set(['rfc5280::no-keyusage']);

/**
 * Makes a suite of a file of x509-limbo. `limbo-profile.json` beside it says which cases are about what SPIFFE verifiers do;
 * without it every verdict is only recorded.
 *
 * Cases whose leaf has a SPIFFE ID are for `x509.verify`, all others for `x509.chain`, the layer of RFC 5280 below.
 *
 * @throws {@link KitFailure} (exit code 2) when it is no such file.
 */
export function limboSuite(file: string): OutsideSuite {
  const testcases = objectsOf(readDocument(file), 'testcases');
  if (testcases.length === 0) throw usageFailure(`${file}: want "testcases", as x509-limbo has them`);
  const profiles = profilesBeside(file);
  const suite = basename(file, '.json')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-');
  const omitted = new Map<string, number>();
  const cases: Case[] = [];
  for (const testcase of testcases) {
    const profile = profiles.get(textMember(testcase, 'id'));
    const kind = profile === undefined ? UNCLASSIFIED : textMember(profile, 'cls');
    if (OMITTED.test(kind)) omitted.set(kind, (omitted.get(kind) ?? 0) + 1);
    else cases.push(toCase(suite, kind, testcase, profile));
  }
  // One that every verifier accepts: who refuses everything scores nothing.
  const control = (op: string): string | undefined =>
    cases.find(
      (one) => one.op === op && one.level === 'must' && 'ok' in one.expect && one.time.mode === 'any',
    )?.id;
  const controls = new Map(['x509.verify', 'x509.chain'].map((op) => [op, control(op)] as const));
  return {
    suite,
    cases: cases
      .map((one) => {
        const twin = controls.get(one.op);
        return twin === undefined || 'ok' in one.expect ? one : { ...one, control: twin };
      })
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    omitted,
  };
}

function profilesBeside(file: string): ReadonlyMap<string, JsonObject> {
  const path = join(dirname(file), 'limbo-profile.json');
  if (!existsSync(path)) return new Map();
  return new Map(objectsOf(readDocument(path), 'cases').map((one) => [textMember(one, 'id'), one] as const));
}

function toCase(suite: string, kind: string, testcase: JsonObject, profile: JsonObject | undefined): Case {
  const id = textMember(testcase, 'id');
  const leaf = derOf(textMember(testcase, 'peer_certificate'));
  const [roots, intermediates] = ['trusted_certs', 'untrusted_intermediates'].map((name) => {
    const list = member(testcase, name);
    return isStringList(list) ? list.map((pem) => derOf(pem)) : [];
  });
  const trustDomain = trustDomainOf(leaf);
  const role = textMember(testcase, 'validation_kind') === 'CLIENT' ? 'client' : 'server';
  const at = textMember(testcase, 'validation_time');
  const isSvidMatter = trustDomain === undefined ? kind === 'spiffe-leaf' : SVID_DECIDES.has(id);
  const isGate = GATES.has(kind) && !isSvidMatter;
  const wanted =
    profile === undefined ? textMember(testcase, 'expected_result') : textMember(profile, 'spiffe_expected');
  const isAccepted = wanted === 'SUCCESS';
  const accepted =
    trustDomain === undefined ? { ok: { valid: true } } : { ok: { id: `spiffe://${trustDomain.rest}` } };
  const why = profile === undefined ? '' : textMember(profile, 'why');
  return {
    id: `${suite}/${kind}/${slug(id)}`,
    rev: 1,
    since: '0.1.0',
    title: `${id}: ${isAccepted ? 'accepted' : 'refused'}`.slice(0, 120),
    why: `${textMember(testcase, 'description').trim()}${why === '' ? '' : `\n${why}`}`,
    level: isGate ? 'must' : 'choice',
    spec: [{ doc: 'RFC5280', section: '6.1' }],
    ...(trustDomain === undefined
      ? { op: 'x509.chain', params: { leaf, intermediates: intermediates ?? [], roots: roots ?? [], role } }
      : {
          op: 'x509.verify',
          params: {
            chain: [leaf, ...(intermediates ?? [])],
            bundles: { [trustDomain.name]: roots ?? [] },
            role,
          },
        }),
    deadlineMs: DEADLINE_MS,
    time:
      at === '' ? { mode: 'any' } : { mode: 'fixed', at: new Date(at).toISOString().replace('.000Z', 'Z') },
    expect: isGate ? verdict(isAccepted, accepted) : either(accepted),
  };
}

function verdict(isAccepted: boolean, accepted: { readonly ok: JsonObject }): Expectation {
  return isAccepted ? accepted : { reject: { codes: ['unknown'] } };
}

/** What is recorded: which way it goes. */
function either(accepted: { readonly ok: JsonObject }): Expectation {
  return {
    anyOf: [
      { branch: 'accepted', expect: accepted },
      { branch: 'refused', expect: { reject: { codes: ['unknown'] } } },
    ],
  };
}

/** Of a leaf with a SPIFFE ID: the name of its trust domain, and that with the path. */
function trustDomainOf(leaf: string): { readonly name: string; readonly rest: string } | undefined {
  try {
    const names = new X509Certificate(Buffer.from(leaf, 'base64')).subjectAltName ?? '';
    const [, rest, name] = /URI:spiffe:\/\/(([^/,\s]+)[^,\s]*)/.exec(names) ?? [];
    return rest === undefined || name === undefined ? undefined : { name, rest };
  } catch {
    return undefined;
  }
}

function slug(id: string): string {
  return id
    .toLowerCase()
    .replaceAll('::', '.')
    .replaceAll(/[^a-z0-9.-]+/g, '-');
}

function derOf(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}
