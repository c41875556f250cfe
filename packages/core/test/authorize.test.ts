import { describe, expect, test } from 'vitest';

import {
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  authorizeWith,
} from '../src/authorize.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { admits, domainsOf, leaf, refusal } from './authorize-door.ts';
import { outcomeOf } from './failure-of.ts';

describe('authorizeAny', () => {
  test('lets in every verified peer, of any trust domain', () => {
    expect(admits(authorizeAny(), 'spiffe://td/a')).toBe(true);
    expect(admits(authorizeAny(), 'spiffe://other')).toBe(true);
    expect(domainsOf(authorizeAny())).toBe('any');
  });
});

describe('authorizeId', () => {
  test('lets in exactly that ID and knows its trust domain', () => {
    const rule = authorizeId('spiffe://td/a');
    expect(admits(rule, 'spiffe://td/a')).toBe(true);
    for (const id of [
      'spiffe://td/b',
      'spiffe://td/A',
      'spiffe://td/a/b',
      'spiffe://td',
      'spiffe://other/a',
    ]) {
      expect(admits(rule, id)).toBe(false);
    }
    expect(domainsOf(rule)).toEqual(['td']);
    expect(domainsOf(authorizeId(SpiffeId.parse('spiffe://td/a')))).toEqual(['td']);
  });

  test('says what was wanted and what came', () => {
    const error = refusal(authorizeId('spiffe://td/a'), 'spiffe://td/b');
    expect(error.message).toBe('peer spiffe://td/b is not authorized: want spiffe://td/a, got spiffe://td/b');
    expect(error).toMatchObject({ blame: 'peer', peer: 'spiffe://td/b' });
  });

  test.each(['', 'td/a', 'spiffe://TD/a', 'spiffe://td/*', undefined, null, 1, {}])(
    'refuses to be built from %o',
    (id) => {
      expect(outcomeOf(() => authorizeId(id as string))).toBe('ERR_ID_INVALID');
    },
  );
});

describe('authorizeOneOf', () => {
  test('lets in each of the IDs and nobody else, and knows the trust domains of all', () => {
    const rules = [
      authorizeOneOf('spiffe://td/a', SpiffeId.parse('spiffe://other/b')),
      authorizeOneOf(['spiffe://td/a', SpiffeId.parse('spiffe://other/b')]),
    ];
    for (const rule of rules) {
      expect(admits(rule, 'spiffe://td/a')).toBe(true);
      expect(admits(rule, 'spiffe://other/b')).toBe(true);
      expect(admits(rule, 'spiffe://td/b')).toBe(false);
      expect(admits(rule, 'spiffe://other/a')).toBe(false);
      expect(domainsOf(rule)).toEqual(['other', 'td']);
    }
  });

  test('without an ID it would let in nobody, which is an error when it is built', () => {
    expect(outcomeOf(() => authorizeOneOf())).toBe('ERR_CONFIG_AUTHORIZER');
    expect(outcomeOf(() => authorizeOneOf([]))).toBe('ERR_CONFIG_AUTHORIZER');
    expect(outcomeOf(() => authorizeOneOf('spiffe://td/a'))).toBe('accepted');
  });

  test('one bad ID among good ones is an error when it is built', () => {
    expect(outcomeOf(() => authorizeOneOf('spiffe://td/a', 'spiffe://td/'))).toBe('ERR_ID_INVALID');
    expect(outcomeOf(() => authorizeOneOf(['spiffe://td/a'], null as unknown as string))).toBe(
      'ERR_ID_INVALID',
    );
  });

  test('a refusal names the first five IDs and counts the others', () => {
    const ids = Array.from({ length: 8 }, (_, index) => `spiffe://td/${index}`);
    const { message } = refusal(authorizeOneOf(ids), 'spiffe://td/x');
    expect(message).toContain(`want one of ${ids.slice(0, 5).join(', ')} or 3 more, got spiffe://td/x`);
    expect(refusal(authorizeOneOf(ids.slice(0, 1)), 'spiffe://td/x').message).toContain(
      'want spiffe://td/0, got',
    );
  });
});

describe('authorizeMemberOf', () => {
  test('lets in the whole trust domain and none with a similar name', () => {
    for (const rule of [
      authorizeMemberOf('td'),
      authorizeMemberOf(TrustDomain.parse('td')),
      authorizeMemberOf('spiffe://td/x'),
    ]) {
      expect(admits(rule, 'spiffe://td')).toBe(true);
      expect(admits(rule, 'spiffe://td/a/b')).toBe(true);
      for (const id of ['spiffe://tda/a', 'spiffe://a.td/a', 'spiffe://td.a/a', 'spiffe://t/d'])
        expect(admits(rule, id)).toBe(false);
      expect(domainsOf(rule)).toEqual(['td']);
    }
    expect(refusal(authorizeMemberOf('td'), 'spiffe://other/a').message).toContain('want a member of td');
  });

  test.each([undefined, null, 1, {}, ['td'], '', 'TD', 'td/a'])('refuses to be built from %o', (given) => {
    expect(outcomeOf(() => authorizeMemberOf(given as string))).toBe('ERR_ID_INVALID');
  });
});

describe('authorizeWith', () => {
  const options = { trustDomains: ['td'], description: 'an even number' };

  test('lets in on true, refuses on false, and gives a text as the reason', () => {
    const seen: SpiffeId[] = [];
    const rule = authorizeWith(options, ({ id, leaf: given }) => {
      seen.push(id);
      expect(given).toBe(leaf);
      if (id.path === '/reason') return 'it was a Monday';
      return id.path === '/2';
    });
    expect(admits(rule, 'spiffe://td/2')).toBe(true);
    expect(refusal(rule, 'spiffe://td/3').message).toContain('want an even number, got spiffe://td/3');
    expect(refusal(rule, 'spiffe://td/reason').message).toBe(
      'peer spiffe://td/reason is not authorized: it was a Monday',
    );
    expect(seen.map(({ path }) => path)).toEqual(['/2', '/3', '/reason']);
  });

  test('is not even asked about a peer outside the trust domains it declared', () => {
    let asked = 0;
    const rule = authorizeWith(options, () => {
      asked++;
      return true;
    });
    expect(admits(rule, 'spiffe://other/2')).toBe(false);
    expect(asked).toBe(0);
    expect(admits(rule, 'spiffe://td/2')).toBe(true);
    expect(asked).toBe(1);
  });

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['1', 1],
    ['an object', {}],
    ['a decision', { allowed: true }],
    ['a boxed true', new Boolean(true)],
    ['a list', [true]],
    ['a function', () => true],
    ['a promise of true', Promise.resolve(true)],
  ])('refuses when the answer is %s', (_name, answer) => {
    const error = refusal(
      authorizeWith(options, () => answer as unknown as boolean),
      'spiffe://td/2',
    );
    expect(error).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED', blame: 'caller' });
    expect(error.message).toMatch(/the authorizer failed: it answered with (an? \w+|null|undefined)/);
  });

  test('takes trust domains as objects, names, any iterable, or any', () => {
    expect(domainsOf(authorizeWith({ trustDomains: 'any', description: 'x' }, () => true))).toBe('any');
    expect(domainsOf(authorizeWith({ trustDomains: ['any'], description: 'x' }, () => true))).toEqual([
      'any',
    ]);
    const set = new Set([TrustDomain.parse('b'), 'a']);
    expect(domainsOf(authorizeWith({ trustDomains: set, description: 'x' }, () => true))).toEqual(['a', 'b']);
  });

  test.each([
    ['no trust domains', { trustDomains: [], description: 'x' }],
    ['a name in place of a list', { trustDomains: 'td', description: 'x' }],
    ['undefined trust domains', { trustDomains: undefined, description: 'x' }],
    ['an empty description', { trustDomains: 'any', description: '' }],
    ['no description', { trustDomains: 'any' }],
  ])('refuses to be built with %s', (_name, given) => {
    const wrong = given as unknown as Parameters<typeof authorizeWith>[0];
    expect(outcomeOf(() => authorizeWith(wrong, () => true))).toBe('ERR_CONFIG_AUTHORIZER');
  });

  test('refuses to be built without a function or with a bad trust domain', () => {
    expect(outcomeOf(() => authorizeWith(options, undefined as unknown as () => boolean))).toBe(
      'ERR_CONFIG_AUTHORIZER',
    );
    expect(outcomeOf(() => authorizeWith({ trustDomains: ['TD'], description: 'x' }, () => true))).toBe(
      'ERR_ID_INVALID',
    );
  });
});
