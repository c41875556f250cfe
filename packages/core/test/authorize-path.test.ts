import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { authorizePath } from '../src/authorize-path.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { admits, domainsOf, leaf, refusal } from './authorize-door.ts';
import { outcomeOf } from './failure-of.ts';

describe('authorizePath', () => {
  test.each([
    ['/a', '/a', true],
    ['/a', '/a/b', false],
    ['/a', '/A', false],
    ['/a/b', '/a', false],
    ['/*', '/a', true],
    ['/*', '', false],
    ['/*', '/a/b', false],
    ['/ns/*', '/ns/a', true],
    ['/ns/*', '/ns', false],
    ['/ns/*', '/nsx/a', false],
    ['/ns/*/sa/api', '/ns/a/sa/api', true],
    ['/ns/*/sa/api', '/ns/a/sa/web', false],
    ['/ns/*/sa/api', '/ns/a/b/sa/api', false],
    ['/ns/*/sa/api', '/ns/sa/api', false],
    ['/*/*', '/a/b', true],
    ['/*/*', '/a', false],
    ['/**', '/a', true],
    ['/**', '/a/b/c', true],
    ['/**', '', false],
    ['/ns/**', '/ns/a', true],
    ['/ns/**', '/ns/a/b/c', true],
    ['/ns/**', '/ns', false],
    ['/ns/**', '/nsx/a', false],
    ['/*/**', '/a/b', true],
    ['/*/**', '/a', false],
    ['/a.b', '/aXb', false],
    ['/.*'.replace('.*', '*'), '/.a', true],
  ])('the pattern %j and the path %j: %j', (pattern, path, expected) => {
    expect(admits(authorizePath('td', pattern), `spiffe://td${path}`)).toBe(expected);
    expect(admits(authorizePath('td', pattern), `spiffe://other${path}`)).toBe(false);
  });

  test.each([
    ['', 'it does not start with "/"'],
    ['ns/*', 'it does not start with "/"'],
    ['*', 'it does not start with "/"'],
    ['spiffe://td/ns/*', 'it does not start with "/"'],
    ['/', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/', 'it has a segment that no SPIFFE ID can have'],
    ['/ns//a', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/..', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/./*', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/a?', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/[a-z]', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/é', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/%61', 'it has a segment that no SPIFFE ID can have'],
    ['/ns/a*', '"*" is not a whole segment'],
    ['/ns/*a', '"*" is not a whole segment'],
    ['/ns/a**', '"*" is not a whole segment'],
    ['/ns/***', '"*" is not a whole segment'],
    ['/**/sa', '"**" is not its last segment'],
    ['/ns/**/*', '"**" is not its last segment'],
    ['/ns/**/', '"**" is not its last segment'],
  ])('refuses the pattern %j: %s', (pattern, defect) => {
    expect(outcomeOf(() => authorizePath('td', pattern))).toBe('ERR_CONFIG_AUTHORIZER');
    expect(() => authorizePath('td', pattern)).toThrow(defect);
  });

  test.each([undefined, null, 1, {}, /a/, ['/a']])('refuses %o as pattern', (pattern) => {
    expect(outcomeOf(() => authorizePath('td', pattern as string))).toBe('ERR_CONFIG_AUTHORIZER');
  });

  test('does not rely on the door: asked directly it refuses the path in another trust domain too', () => {
    const rule = authorizePath('td', '/a');
    expect(rule.authorize({ id: SpiffeId.parse('spiffe://td/a'), leaf })).toEqual({ allowed: true });
    expect(rule.authorize({ id: SpiffeId.parse('spiffe://other/a'), leaf })).toEqual({
      allowed: false,
      reason: 'want spiffe://td/a, got spiffe://other/a',
    });
  });

  test('knows its trust domain, and a refusal names the pattern', () => {
    const rule = authorizePath(TrustDomain.parse('td'), '/ns/*/sa/api');
    expect(domainsOf(rule)).toEqual(['td']);
    expect(refusal(rule, 'spiffe://td/x').message).toContain(
      'want spiffe://td/ns/*/sa/api, got spiffe://td/x',
    );
    expect(outcomeOf(() => authorizePath('TD', '/a'))).toBe('ERR_ID_INVALID');
  });

  test('agrees with an independent matcher on random patterns and paths', () => {
    const piece = fc.constantFrom('a', 'b', '.x', '*');
    const literal = fc.constantFrom('a', 'b', '.x');
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.array(literal, { maxLength: 6 }),
        (pieces, open, parts) => {
          const pattern = `/${[...pieces, ...(open ? ['**'] : [])].join('/')}`;
          const path = parts.map((part) => `/${part}`).join('');
          const source = pieces
            .map((one) => (one === '*' ? '/[^/]+' : `/${one.replaceAll('.', '[.]')}`))
            .join('');
          const expected = new RegExp(`^${source}${open ? '(?:/[^/]+)+' : ''}$`).test(path);
          expect(admits(authorizePath('td', pattern), `spiffe://td${path}`)).toBe(expected);
        },
      ),
    );
  });
});
