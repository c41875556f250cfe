import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { allOf, anyOf, not } from '../src/authorize-combine.ts';
import { authorizePath } from '../src/authorize-path.ts';
import {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  authorizeWith,
} from '../src/authorize.ts';
import { type Authorizer, type Decision } from '../src/authorizer.ts';
import { admits, domainsOf, refusal } from './authorize-door.ts';
import { outcomeOf } from './failure-of.ts';

/** An authorizer as somebody could write it by hand, with any answer at all. */
function answering(answer: unknown, trustDomains: Authorizer['trustDomains'] = 'any'): Authorizer {
  return { trustDomains, description: 'a hand-written rule', authorize: () => answer as Decision };
}

function throwing(error: unknown): Authorizer {
  return {
    trustDomains: 'any',
    description: 'a broken rule',
    authorize: () => {
      throw error;
    },
  };
}

const failing = (): boolean => {
  throw new Error('down');
};

const nobody = (): Authorizer => allOf(authorizeMemberOf('td'), authorizeAny(), authorizeMemberOf('other'));

describe('anyOf', () => {
  test('lets in whom one of its members lets in, and knows the trust domains of all', () => {
    const rule = anyOf(authorizeId('spiffe://td/a'), authorizeMemberOf('other'));
    expect(admits(rule, 'spiffe://td/a')).toBe(true);
    expect(admits(rule, 'spiffe://other/x')).toBe(true);
    expect(admits(rule, 'spiffe://td/b')).toBe(false);
    expect(admits(rule, 'spiffe://third/a')).toBe(false);
    expect(domainsOf(rule)).toEqual(['other', 'td']);
    expect(domainsOf(anyOf(rule, authorizeAny()))).toBe('any');
    expect(refusal(rule, 'spiffe://td/b').message).toContain('want spiffe://td/a, got spiffe://td/b');
  });

  test('holds each member to the trust domains that the member declared', () => {
    const greedy = authorizeWith({ trustDomains: ['td'], description: 'everyone of td' }, () => true);
    const rule = anyOf(greedy, authorizeId('spiffe://other/a'));
    expect(admits(rule, 'spiffe://td/x')).toBe(true);
    expect(admits(rule, 'spiffe://other/x')).toBe(false);
  });

  test('a member that fails counts for nothing beside one that says yes, in either order', () => {
    for (const members of [
      [throwing(new Error('down')), authorizeId('spiffe://td/a')],
      [authorizeId('spiffe://td/a'), throwing(new Error('down'))],
    ]) {
      expect(admits(anyOf(...members), 'spiffe://td/a')).toBe(true);
      expect(refusal(anyOf(...members), 'spiffe://td/b').message).toContain('the authorizer failed: down');
    }
  });

  test('without members it is an error when it is built', () => {
    expect(outcomeOf(() => anyOf())).toBe('ERR_CONFIG_AUTHORIZER');
  });
});

describe('allOf', () => {
  test('lets in whom every member lets in, and knows the trust domains common to all', () => {
    const rule = allOf(
      anyOf(authorizeMemberOf('td'), authorizeMemberOf('other')),
      anyOf(authorizeMemberOf('td'), authorizeMemberOf('third')),
      not(authorizeId('spiffe://td/banned')),
    );
    expect(admits(rule, 'spiffe://td/a')).toBe(true);
    for (const id of ['spiffe://td/banned', 'spiffe://other/a', 'spiffe://third/a'])
      expect(admits(rule, id)).toBe(false);
    expect(domainsOf(rule)).toEqual(['td']);
  });

  test('any is neutral', () => {
    expect(domainsOf(allOf(authorizeAny(), not(authorizeId('spiffe://td/a'))))).toBe('any');
    expect(domainsOf(allOf(authorizeAny(), authorizeMemberOf('td')))).toEqual(['td']);
    expect(domainsOf(allOf(authorizeMemberOf('td'), authorizeAny()))).toEqual(['td']);
  });

  test('members without a trust domain in common are an error when it is built', () => {
    expect(outcomeOf(nobody)).toBe('ERR_CONFIG_AUTHORIZER');
    expect(nobody).toThrow('no trust domain is common to (a member of td and anyone and a member of other)');
    expect(outcomeOf(() => allOf())).toBe('ERR_CONFIG_AUTHORIZER');
    expect(outcomeOf(() => allOf(authorizeMemberOf('td'), authorizePath('td', '/**')))).toBe('accepted');
  });

  test('a member that fails refuses', () => {
    expect(admits(allOf(authorizeMemberOf('td'), throwing(new Error('down'))), 'spiffe://td/a')).toBe(false);
    expect(admits(allOf(throwing(new Error('down')), authorizeMemberOf('td')), 'spiffe://td/a')).toBe(false);
  });
});

describe('not', () => {
  test('lets in whom its member refuses, of every trust domain', () => {
    const rule = not(authorizeMemberOf('td'));
    expect(admits(rule, 'spiffe://other/a')).toBe(true);
    expect(admits(rule, 'spiffe://td/a')).toBe(false);
    expect(domainsOf(rule)).toBe('any');
    expect(refusal(rule, 'spiffe://td/a').message).toContain('want not a member of td, got spiffe://td/a');
    expect(admits(not(not(authorizeId('spiffe://td/a'))), 'spiffe://td/a')).toBe(true);
  });

  test('never turns a failure into a yes, however deep it is', () => {
    const broken: Authorizer[] = [
      throwing(new Error('down')),
      answering(undefined),
      answering(Promise.resolve({ allowed: false, reason: 'later' })),
      answering({}),
      authorizeWith({ trustDomains: 'any', description: 'x' }, failing),
      authorizeWith({ trustDomains: 'any', description: 'x' }, (() => undefined) as unknown as () => boolean),
    ];
    for (const rule of broken) {
      expect(admits(not(rule), 'spiffe://td/a')).toBe(false);
      expect(admits(not(anyOf(rule, authorizeId('spiffe://td/b'))), 'spiffe://td/a')).toBe(false);
      expect(admits(not(anyOf(authorizeId('spiffe://td/b'), rule)), 'spiffe://td/a')).toBe(false);
      expect(admits(not(allOf(rule, authorizeMemberOf('td'))), 'spiffe://td/a')).toBe(false);
      expect(admits(not(not(rule)), 'spiffe://td/a')).toBe(false);
    }
    expect(admits(not(answering({ allowed: false, reason: 'no' })), 'spiffe://td/a')).toBe(true);
  });
});

describe('combinations', () => {
  test.each<unknown>([
    undefined,
    null,
    'spiffe://td/a',
    () => true,
    {},
    { authorize: () => true },
    { authorize: () => true, description: 'x', trustDomains: ['td'] },
  ])('cannot be built from %o', (given) => {
    const wrong = given as Authorizer;
    for (const build of [
      () => anyOf(authorizeAny(), wrong),
      () => allOf(authorizeAny(), wrong),
      () => not(wrong),
    ]) {
      expect(outcomeOf(build)).toBe('ERR_CONFIG_AUTHORIZER');
    }
  });

  test('agree with plain logic on random rules and peers, and never let in beyond their trust domains', () => {
    const names = ['a', 'b', 'c'];
    const simple = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)).chain(([td, path]) =>
      fc.constantFrom(
        {
          rule: authorizeId(`spiffe://${td}/${path}`),
          holds: (id: string) => id === `spiffe://${td}/${path}`,
        },
        { rule: authorizeMemberOf(td), holds: (id: string) => id.startsWith(`spiffe://${td}/`) },
      ),
    );
    type Rule = { readonly rule: Authorizer; readonly holds: (id: string) => boolean };
    const { tree } = fc.letrec<{ tree: Rule }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        simple,
        tie('tree').map(({ rule, holds }): Rule => ({ rule: not(rule), holds: (id) => !holds(id) })),
        fc.tuple(tie('tree'), tie('tree')).map(([one, other]): Rule => ({
          rule: anyOf(one.rule, other.rule),
          holds: (id) => one.holds(id) || other.holds(id),
        })),
        fc.tuple(tie('tree'), tie('tree')).map(([one, other]): Rule => {
          const holds = (id: string): boolean => one.holds(id) && other.holds(id);
          try {
            return { rule: allOf(one.rule, other.rule), holds };
          } catch {
            // Nothing in common: then plain logic lets in nobody either, which the one beside it stands in for.
            const ids = names.flatMap((td) => names.map((path) => `spiffe://${td}/${path}`));
            if (ids.some(holds)) throw new Error('allOf cannot be built, although somebody could be let in');
            return one;
          }
        }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.constantFrom(...names), fc.constantFrom(...names), ({ rule, holds }, td, path) => {
        const id = `spiffe://${td}/${path}`;
        const admitted = admits(rule, id);
        expect(admitted).toBe(holds(id));
        const declared = domainsOf(rule);
        expect(!admitted || declared === 'any' || declared.includes(td)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('every authorizer is frozen', () => {
    const all = [
      authorizeAny(),
      authorizeId('spiffe://td/a'),
      authorizeOneOf('spiffe://td/a'),
      authorizeMemberOf('td'),
      authorizePath('td', '/a'),
    ];
    const combined = [
      allOf(...all),
      anyOf(...all),
      not(authorizeAny()),
      authorizeWith({ trustDomains: 'any', description: 'x' }, () => true),
    ];
    for (const rule of [...all, ...combined]) expect(Object.isFrozen(rule)).toBe(true);
  });
});
