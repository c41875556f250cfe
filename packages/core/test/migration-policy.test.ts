import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { authorizeByPolicy } from '../src/authorize-by-policy.ts';
import { allOf, anyOf, not } from '../src/authorize-combine.ts';
import { authorizePath } from '../src/authorize-path.ts';
import { authorizeAny, authorizeId, authorizeMemberOf } from '../src/authorize.ts';
import { type Authorizer } from '../src/authorizer.ts';
import {
  type MigrationPolicy,
  type MigrationPolicySource,
  parseMigrationPolicy,
  staticMigrationPolicy,
} from '../src/migration-policy.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { admits, domainsOf, leaf, refusal } from './authorize-door.ts';
import { outcomeOf } from './failure-of.ts';

function allowing(...entries: readonly string[]): Authorizer {
  const authorizer = parseMigrationPolicy(JSON.stringify({ version: 1, allow: { x: entries } })).allow.get(
    'x',
  );
  if (authorizer === undefined) throw new Error('there is no authorizer');
  return authorizer;
}

function allow(id: string): Partial<MigrationPolicy> {
  return { allow: new Map([['x', authorizeId(id)]]) };
}

describe('parseMigrationPolicy', () => {
  test('gives the values of the text, frozen', () => {
    const text =
      '{"version":1,"mode":"permissive","prefer":"legacy","dryRun":true,"allow":{"a":["spiffe://td/x"],"b":["spiffe://td/*"]}}';
    const policy = parseMigrationPolicy(text);
    expect(policy).toMatchObject({ mode: 'permissive', prefer: 'legacy', dryRun: true });
    expect([...policy.allow.keys()]).toEqual(['a', 'b']);
    expect(Object.isFrozen(policy)).toBe(true);
  });

  test('is strict, prefers SPIFFE, decides for real and lets in nobody, unless the text says otherwise', () => {
    expect(parseMigrationPolicy('{"version":1}')).toEqual({
      mode: 'strict',
      prefer: 'spiffe',
      dryRun: false,
      allow: new Map(),
    });
  });

  test('lets in the IDs and those that fit a pattern, of each trust domain by itself', () => {
    const authorizer = allowing(
      'spiffe://a/web',
      'spiffe://a/batch/*',
      'spiffe://b/**',
      'spiffe://b/batch/*',
    );
    expect(domainsOf(authorizer)).toEqual(['a', 'b']);
    const peers = {
      'spiffe://a/web': true,
      'spiffe://a/web/x': false,
      'spiffe://a/batch/x': true,
      'spiffe://a/batch': false,
      'spiffe://a/batch/x/y': false,
      'spiffe://b/web': true,
      'spiffe://b/x/y/z': true,
      'spiffe://b': false,
      'spiffe://c/web': false,
    };
    expect(Object.fromEntries(Object.keys(peers).map((id) => [id, admits(authorizer, id)]))).toEqual(peers);
  });

  test('a refusal says what was wanted, and stays short however many entries there are', () => {
    expect(refusal(allowing('spiffe://td/a/*'), 'spiffe://td/b').message).toContain(
      'want spiffe://td/a/*, got spiffe://td/b',
    );
    const many = Array.from({ length: 10_000 }, (_, index) => `spiffe://td/${index}/*`);
    const { message } = refusal(allowing(...many), 'spiffe://td/x');
    expect(message).toContain('or 9995 more');
    expect(message.length).toBeLessThan(400);
    expect(admits(allowing(...many), 'spiffe://td/9999/x')).toBe(true);
  });

  test('an entry lets in exactly whom authorizePath lets in', () => {
    const part = fc.constantFrom('a', 'b', '*');
    const pattern = fc.tuple(fc.array(part, { minLength: 1, maxLength: 3 }), fc.boolean());
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), path, (patterns, segments) => {
        const texts = patterns.map(([parts, open]) => `/${[...parts, ...(open ? ['**'] : [])].join('/')}`);
        const id = `spiffe://td/${segments.join('/')}`;
        const expected = texts.some((text) => admits(authorizePath('td', text), id));
        expect(admits(allowing(...texts.map((text) => `spiffe://td${text}`)), id)).toBe(expected);
      }),
    );
  });
});

describe('staticMigrationPolicy', () => {
  test('has the defaults of the document', () => {
    expect(staticMigrationPolicy().current).toEqual(parseMigrationPolicy('{"version":1}'));
  });

  test('an update replaces what it names and keeps the rest; listeners get the whole policy, after the change', () => {
    const policy = staticMigrationPolicy({ mode: 'permissive', dryRun: true });
    const before = policy.current;
    const seen: [MigrationPolicy, boolean][] = [];
    const subscription = policy.onUpdate((next) => seen.push([next, next === policy.current]));
    policy.update({ prefer: 'legacy' });
    expect(policy.current).toMatchObject({ mode: 'permissive', prefer: 'legacy', dryRun: true });
    expect(seen).toEqual([[policy.current, true]]);
    expect(before.prefer).toBe('spiffe');
    subscription[Symbol.dispose]();
    policy.update({ mode: 'strict' });
    expect(seen).toHaveLength(1);
  });

  test('does not share its map with the caller', () => {
    const map = new Map([['x', authorizeId('spiffe://td/a')]]);
    const policy = staticMigrationPolicy({ allow: map });
    map.set('y', authorizeAny());
    expect([...policy.current.allow.keys()]).toEqual(['x']);
  });

  test.each([
    [{ mode: 'Strict' }, 'ERR_CONFIG_OPTION'],
    [{ mode: undefined }, 'ERR_CONFIG_OPTION'],
    [{ prefer: null }, 'ERR_CONFIG_OPTION'],
    [{ dryRun: 'false' }, 'ERR_CONFIG_OPTION'],
    [{ allow: {} }, 'ERR_CONFIG_OPTION'],
    [{ allow: new Map([['x', 'spiffe://td/a']]) }, 'ERR_CONFIG_AUTHORIZER'],
  ])('refuses %o, and keeps what it has', (values, code) => {
    expect(outcomeOf(() => staticMigrationPolicy(values as Partial<MigrationPolicy>))).toBe(code);
    const policy = staticMigrationPolicy({ mode: 'permissive' });
    expect(outcomeOf(() => policy.update(values as Partial<MigrationPolicy>))).toBe(code);
    expect(policy.current.mode).toBe('permissive');
  });
});

describe('authorizeByPolicy', () => {
  const A = 'spiffe://a/x';
  const B = 'spiffe://b/x';

  test('follows the policy from question to question, its trust domains too', () => {
    const policy = staticMigrationPolicy(allow(A));
    const authorizer = authorizeByPolicy(policy, 'x');
    const state = (): unknown => [admits(authorizer, A), admits(authorizer, B), domainsOf(authorizer)];
    expect(state()).toEqual([true, false, ['a']]);
    policy.update(allow(B));
    expect(state()).toEqual([false, true, ['b']]);
    policy.update({ allow: new Map([['x', authorizeAny()]]) });
    expect(state()).toEqual([true, true, 'any']);
    policy.update({ allow: new Map() });
    expect(state()).toEqual([false, false, []]);
  });

  test('a name that the policy does not have lets in nobody, names of the prototype least of all', () => {
    for (const name of ['y', 'X', 'constructor', '__proto__']) {
      const authorizer = authorizeByPolicy(staticMigrationPolicy(allow(A)), name);
      expect(admits(authorizer, A)).toBe(false);
      expect(refusal(authorizer, A).message).toContain(`as "${name}"`);
    }
  });

  test('an authorizer of the policy that fails refuses, and is to blame', () => {
    const broken = { trustDomains: 'any', description: 'x', authorize: () => Promise.resolve(true) };
    const current = {
      ...staticMigrationPolicy().current,
      allow: new Map([['x', broken as unknown as Authorizer]]),
    };
    const source: MigrationPolicySource = {
      current,
      onUpdate: () => ({ [Symbol.dispose]: () => undefined }),
    };
    expect(refusal(authorizeByPolicy(source, 'x'), A).blame).toBe('caller');
  });

  test('asked directly, it too holds an authorizer to the trust domains that it declares', () => {
    const liar: Authorizer = { ...authorizeAny(), trustDomains: authorizeId(A).trustDomains };
    const rule = authorizeByPolicy(staticMigrationPolicy({ allow: new Map([['x', liar]]) }), 'x');
    const ask = (id: string): boolean => rule.authorize({ id: SpiffeId.parse(id), leaf }).allowed;
    expect([ask(A), ask(B)]).toEqual([true, false]);
  });

  test('combinations follow it as well, also when nobody is allowed at first', () => {
    const policy = staticMigrationPolicy();
    const rule = authorizeByPolicy(policy, 'x');
    const either = anyOf(allOf(rule, not(authorizeId('spiffe://b/denied'))), authorizeMemberOf('c'));
    expect(domainsOf(either)).toEqual(['c']);
    expect([admits(either, A), admits(either, 'spiffe://c/x')]).toEqual([false, true]);
    policy.update({ allow: new Map([['x', authorizeMemberOf('b')]]) });
    expect(domainsOf(either)).toEqual(['b', 'c']);
    expect([admits(either, B), admits(either, 'spiffe://b/denied'), admits(either, A)]).toEqual([
      true,
      false,
      false,
    ]);
  });

  test.each([
    [undefined, 'x'],
    [{}, 'x'],
    [staticMigrationPolicy(), ''],
    [staticMigrationPolicy(), undefined],
  ])('refuses %o with the name %o', (policy, name) => {
    expect(outcomeOf(() => authorizeByPolicy(policy as MigrationPolicySource, name as string))).toBe(
      'ERR_CONFIG_AUTHORIZER',
    );
  });
});
