import { type Json } from '../../src/json.ts';
import { choice, type Draft, reject } from '../draft.ts';
import { ROOT, ROOT_B } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import {
  accept,
  bundle,
  documentOf,
  either,
  type Extra,
  GOOD,
  GOOD_FOUND,
  jwt,
  JWT_KEY,
  MIXED,
  NO_JSON,
  refuse,
  x509,
} from './bundle-json-case.ts';

const DEADLINE_MS = 2_000;
const KEYS = JSON.stringify([x509(ROOT)]);

/** Rows 168 to 175 of the catalogue: the document around the keys. */
export function bundleDocumentDrafts(): readonly Draft[] {
  return [...sequenceDrafts(), ...hintDrafts(), ...jsonDrafts()];
}

function sequenceDrafts(): readonly Draft[] {
  const exact = { spec: [SPEC.sequenceBits] };
  const read = (slug: string, number: string, extra: Extra = {}): Draft =>
    accept(
      168,
      `sequence/${slug}`,
      `the sequence number ${number} is read exactly`,
      `{"spiffe_sequence":${number},"keys":${KEYS}}`,
      {
        x509: [ROOT],
        sequence: number,
      },
      { ...exact, ...extra },
    );
  const odd = (slug: string, value: string): Draft =>
    either(
      169,
      `choice/sequence-${slug}`,
      `the sequence number ${value}`,
      `{"spiffe_sequence":${value},"keys":${KEYS}}`,
      {
        refused: reject('bundle.sequence', 'bundle.malformed'),
        'no-sequence': bundle({ x509: [ROOT], sequence: null }),
      },
      { spec: [SPEC.sequence] },
    );
  return [
    accept(
      168,
      'sequence/absent',
      'without a sequence number there is none',
      documentOf([x509(ROOT)]),
      { x509: [ROOT], sequence: null },
      {
        spec: [SPEC.sequence],
        why: 'a 0 in its place would be older than every other bundle',
      },
    ),
    read('zero', '0'),
    read('beyond-double', '9007199254740993', { why: 'rounded it would be equal to the number before it' }),
    read('beyond-int64', '9223372036854775808'),
    odd('negative', '-1'),
    odd('float', '1.5'),
    odd('string', '"7"'),
  ];
}

function hintDrafts(): readonly Draft[] {
  const level = { level: 'should', spec: [SPEC.refreshHint] } as const;
  const read = (slug: string, refreshHint: number | null): Draft =>
    accept(
      170,
      `refresh/${slug}`,
      refreshHint === null
        ? 'without a refresh hint there is none'
        : `the refresh hint ${refreshHint} is read`,
      documentOf([x509(ROOT)], refreshHint === null ? {} : { spiffe_refresh_hint: refreshHint }),
      { x509: [ROOT], refreshHint },
      level,
    );
  return [
    read('absent', null),
    read('300', 300),
    read('zero', 0),
    either(
      170,
      'choice/refresh-negative',
      'a negative refresh hint',
      documentOf([x509(ROOT)], { spiffe_refresh_hint: -1 }),
      {
        'no-hint': bundle({ x509: [ROOT], refreshHint: null }),
        zero: bundle({ x509: [ROOT], refreshHint: 0 }),
        refused: reject('bundle.hint', 'bundle.malformed'),
      },
      { spec: [SPEC.refreshHint] },
    ),
  ];
}

function jsonDrafts(): readonly Draft[] {
  const json = { spec: [SPEC.rfc8259('2')] };
  const ref = { level: 'ref', spec: [SPEC.kit('bundle.parse')] } as const;
  const both: Json = { unknown: [1, { a: null }], more: 'x' };
  const nested = 20_000;
  return [
    accept(
      171,
      'accept/unknown-members[where=top]',
      'members that nobody knows beside the keys',
      documentOf([x509(ROOT)], both),
      { x509: [ROOT] },
      {
        spec: [SPEC.bundleMembers],
      },
    ),
    accept(
      171,
      'accept/unknown-members[where=entry]',
      'members that nobody knows in an entry',
      documentOf([x509(ROOT, both)]),
      { x509: [ROOT] },
      {
        spec: [SPEC.bundleMembers],
      },
    ),
    refuse(172, 'reject/not-json', 'text that is no JSON', 'keys: []', NO_JSON, json),
    {
      ...refuse(172, 'choice/bom', 'a byte order mark in front', Buffer.from(`\uFEFF${MIXED}`), NO_JSON),
      level: 'choice',
      spec: [SPEC.rfc8259('8.1')],
      why: 'writers may not write it, and readers may pass over it',
      expect: choice({
        refused: reject(...NO_JSON),
        'passed-over': bundle({ x509: [ROOT], jwt: [['a', JWT_KEY]], sequence: '7' }),
      }),
    },
    refuse(172, 'reject/trailing-garbage', 'text behind the document', `${MIXED}x`, NO_JSON, json),
    refuse(172, 'reject/nan', 'NaN as a number', `{"x":NaN,"keys":${KEYS}}`, NO_JSON, json),
    either(
      173,
      'choice/dup-keys-member',
      'two lists of keys',
      `{"keys":${KEYS},"keys":${JSON.stringify(GOOD)}}`,
      {
        refused: reject('bundle.duplicate', ...NO_JSON),
        first: bundle({ x509: [ROOT] }),
        last: bundle(GOOD_FOUND),
      },
      { spec: [SPEC.rfc8259('4')], why: 'two readers of one document could trust different authorities' },
    ),
    accept(
      174,
      'proto/top',
      'the member __proto__ means nothing',
      `{"__proto__":{"spiffe_sequence":5,"spiffe_refresh_hint":5},"keys":${KEYS}}`,
      { x509: [ROOT], sequence: null, refreshHint: null },
      ref,
    ),
    accept(
      174,
      'proto/entry',
      'the member __proto__ of an entry means nothing',
      `{"keys":[${JSON.stringify(x509(ROOT, { use: undefined })).slice(0, -1)},"__proto__":{"use":"x509-svid"}},${JSON.stringify(GOOD).slice(1)}}`,
      GOOD_FOUND,
      ref,
    ),
    either(
      175,
      'size/10k-entries',
      'ten thousand entries',
      `{"keys":[${'{"use":"x"},'.repeat(9_999)}${JSON.stringify(x509(ROOT_B))}]}`,
      { read: bundle({ x509: [ROOT_B] }), refused: reject('bundle.size', 'bundle.malformed') },
      { ...resource(), why: 'what it costs has to have a bound' },
    ),
    either(
      175,
      'size/deep-nesting',
      'twenty thousand lists, one in the other',
      `{"x":${'['.repeat(nested)}${']'.repeat(nested)},"keys":${JSON.stringify([jwt('a')])}}`,
      {
        read: bundle({ jwt: [['a', JWT_KEY]] }),
        refused: reject('bundle.size', ...NO_JSON),
      },
      resource(),
    ),
  ];
}

function resource(): Extra {
  return { deadlineMs: DEADLINE_MS, spec: [SPEC.rfc8259('9')] };
}
