import { readFileSync } from 'node:fs';

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseDenyList } from '../src/deny-list.ts';
import { parseMigrationPolicy } from '../src/migration-policy.ts';
import { failureOf, outcomeOf } from './failure-of.ts';
import { DENY_LISTS, MIGRATION_POLICIES, type PolicyDocument } from './policy-documents.ts';

interface Kind {
  readonly name: string;
  readonly parse: (text: string) => unknown;
  readonly documents: readonly PolicyDocument[];
  readonly validate: ValidateFunction;
}

function schema(name: string): ValidateFunction {
  // Read as it is published.
  const url = new URL(import.meta.resolve(`@svidkit/core/schemas/${name}.v1.schema.json`));
  return new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(url, 'utf8')) as object);
}

const KINDS: readonly Kind[] = [
  { name: 'a deny list', parse: parseDenyList, documents: DENY_LISTS, validate: schema('deny-list') },
  {
    name: 'a migration policy',
    parse: parseMigrationPolicy,
    documents: MIGRATION_POLICIES,
    validate: schema('migration-policy'),
  },
];

describe.each(KINDS)('$name', ({ name, parse, documents, validate }) => {
  const goodOnes = documents.filter(({ defect }) => defect === undefined);
  const badOnes = documents.filter(({ defect }) => defect !== undefined);

  test.each(goodOnes)('takes $name, as its schema does', ({ text }) => {
    expect(outcomeOf(() => parse(text))).toBe('accepted');
    expect(validate(JSON.parse(text))).toBe(true);
  });

  test.each(badOnes)('refuses $name, as its schema does where it can', ({ text, defect, isBeyondSchema }) => {
    const error = failureOf(() => parse(text));
    expect(error).toMatchObject({ code: 'ERR_POLICY_INVALID', blame: 'environment' });
    expect(error.message).toContain(`${name}: want `);
    expect(error.message).toContain(defect);
    expect(error.message.length).toBeLessThan(1_000);
    expect(isBeyondSchema === true || !validate(JSON.parse(text))).toBe(true);
  });

  test.each([undefined, null, 1, {}, Buffer.from('{"version":1,"deny":{}}')])('refuses %o', (value) => {
    expect(outcomeOf(() => parse(value as string))).toBe('ERR_POLICY_INVALID');
  });

  test('a text that is no JSON shows in no message: the path may lead to a key', () => {
    for (const text of ['SECRET', '{"version":SECRET', '"SECRET', '-----BEGIN SECRET-----']) {
      const error = failureOf(() => parse(text));
      expect(JSON.stringify(error) + String(error.cause)).not.toContain('SECRET');
    }
  });

  test('says where the text stops being JSON, if that is known', () => {
    expect(() => parse('{\n  "version": 1,\n}')).toThrow('line 3, column 1');
  });

  test('nesting without end is an error like another', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const depth = 100_000;
      expect(outcomeOf(() => parse(open.repeat(depth) + close.repeat(depth)))).toBe('ERR_POLICY_INVALID');
      expect(outcomeOf(() => parse(`${open.repeat(depth)}1${close.repeat(depth)}`))).toBe(
        'ERR_POLICY_INVALID',
      );
    }
  });

  test('any text at all is either taken or ERR_POLICY_INVALID', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), broken(goodOnes)), (text) => {
        expect(['accepted', 'ERR_POLICY_INVALID']).toContain(outcomeOf(() => parse(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('parser and schema agree on whatever values stand in a document', () => {
    fc.assert(
      fc.property(fc.oneof(documentNear(name), fc.object()), (value) => {
        const text = JSON.stringify(value);
        expect([text, outcomeOf(() => parse(text)) === 'accepted']).toEqual([
          text,
          validate(JSON.parse(text)),
        ]);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a member that stands twice is refused wherever it stands, and in whatever spelling', () => {
    const names =
      name === 'a deny list' ? ['ids', 'keys', 'deny', 'version'] : ['mode', 'allow', 'x', 'version'];
    const rest = name === 'a deny list' ? ['"deny":{', '}'] : ['"allow":{', '}'];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(3), fc.boolean(), (member, at, isDeep) => {
        const escaped = member
          .split('')
          .map((letter, index) =>
            index === at ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter,
          )
          .join('');
        const pair = `"${member}":[],"${escaped}":[]`;
        const text = isDeep ? `{"version":1,${rest.join(pair)}}` : `{${pair}}`;
        expect(() => parse(text)).toThrow(`"${member}" twice`);
      }),
    );
  });
});

/** Good documents with something cut out or put in. */
function broken(documents: readonly PolicyDocument[]): fc.Arbitrary<string> {
  const texts = documents.map(({ text }) => text).filter((text) => text.length < 1_000);
  return fc
    .tuple(fc.constantFrom(...texts), fc.nat(300), fc.nat(20), fc.constantFrom('', '"', '\\', '{', ',', '\0'))
    .map(([text, at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
}

/** Values close to a document: right more often than not. */
function documentNear(name: string): fc.Arbitrary<unknown> {
  const strange = fc.oneof(fc.jsonValue(), fc.constantFrom('spiffe://td', 'sha256:', 'strict', 1, true));
  const mostly = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
    fc.oneof({ weight: 30, arbitrary: value }, { weight: 1, arbitrary: strange });
  const segment = fc.constantFrom('a', 'B', '.x', '..', '.', '*', '**', 'a*', '', '\u00e9', '...', 'a_-.');
  const plain = fc.constantFrom('a', 'B', '.x', '...', 'a_-.');
  const id = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc
      .tuple(
        fc.constantFrom('spiffe://td', 'spiffe://a-b_c.d'),
        fc.array(fc.oneof({ weight: 8, arbitrary: plain }, { weight: 1, arbitrary: part }), {
          minLength: 1,
          maxLength: 4,
        }),
      )
      .map(([head, parts]) => [head, ...parts].join('/'));
  const list = (entry: fc.Arbitrary<string>): fc.Arbitrary<unknown> =>
    mostly(fc.array(mostly(entry), { maxLength: 4 }));
  const key = fc.constantFrom(
    `sha256:${'0af9'.repeat(16)}`,
    `sha256:${'1'.repeat(64)}`,
    `sha256:${'1'.repeat(63)}`,
    `sha256:${'1'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    '1'.repeat(64),
  );
  return name === 'a deny list'
    ? fc.record(
        {
          version: mostly(fc.constant(1)),
          deny: mostly(fc.record({ ids: list(id(segment)), keys: list(key) }, { requiredKeys: [] })),
        },
        { requiredKeys: ['version'] },
      )
    : fc.record(
        {
          version: mostly(fc.constant(1)),
          mode: mostly(fc.constantFrom('strict', 'permissive')),
          prefer: mostly(fc.constantFrom('spiffe', 'legacy')),
          dryRun: mostly(fc.boolean()),
          allow: mostly(
            fc.dictionary(
              fc.oneof(fc.constantFrom('a', 'b:1', '__proto__'), fc.string({ maxLength: 3 })),
              list(id(segment)),
              { maxKeys: 2 },
            ),
          ),
        },
        { requiredKeys: ['version'] },
      );
}
