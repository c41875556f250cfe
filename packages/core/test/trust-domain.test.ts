import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import { TrustDomain } from '../src/trust-domain.ts';
import { outcomeOf } from './failure-of.ts';

describe('TrustDomain.parse', () => {
  test('reads a name, and a whole SPIFFE ID without regard to its path', () => {
    expect(TrustDomain.parse('prod.example').name).toBe('prod.example');
    expect(TrustDomain.parse('spiffe://prod.example').name).toBe('prod.example');
    expect(TrustDomain.parse('spiffe://prod.example/a/b').name).toBe('prod.example');
  });

  test.each([
    '',
    'TD',
    'td/a',
    'td:80',
    'u@td',
    't d',
    '%74d',
    '[::1]',
    'é',
    'spiffe:/td',
    'spiffe://',
    'Spiffe://td',
    'spiffe://td/',
    'spiffe://td/../a',
    'http://td',
    '://td',
  ])('refuses %j (ID-01, ID-02, ID-05 to ID-09)', (text) => {
    expect(outcomeOf(() => TrustDomain.parse(text))).toBe('ERR_ID_INVALID');
  });

  test.each(['-a_b..c-', '...', '_', '1', '127.0.0.1', '0x7f.1', 'null', 'constructor', '__proto__'])(
    'accepts %j as it is (ID-11)',
    (text) => {
      expect(TrustDomain.parse(text).name).toBe(text);
    },
  );

  test('accepts a name of 255 bytes and refuses one of 256 (ID-19)', () => {
    expect(TrustDomain.parse('a'.repeat(255)).name).toHaveLength(255);
    expect(outcomeOf(() => TrustDomain.parse('a'.repeat(256)))).toBe('ERR_ID_TOO_LONG');
  });

  test.each([undefined, null, 1, {}, ['td'], { name: 'td' }])(
    'refuses %o, which is not a string',
    (value) => {
      expect(outcomeOf(() => TrustDomain.parse(value as unknown as string))).toBe('ERR_ID_INVALID');
    },
  );

  test('gives the same object for the same name, so that sets of trust domains work', () => {
    const trustDomain = TrustDomain.parse('prod.example');
    expect(TrustDomain.parse('spiffe://prod.example/a')).toBe(trustDomain);
    expect(new Set([trustDomain]).has(TrustDomain.parse('prod.example'))).toBe(true);
    expect(TrustDomain.parse('dev.example')).not.toBe(trustDomain);
  });
});

test('a trust domain is frozen, and shows itself by its name', () => {
  const trustDomain = TrustDomain.parse('prod.example');
  expect(Object.isFrozen(trustDomain)).toBe(true);
  expect(String(trustDomain)).toBe('prod.example');
  expect(JSON.stringify({ trustDomain })).toBe('{"trustDomain":"prod.example"}');
  expect(inspect(trustDomain)).toBe('TrustDomain(prod.example)');
  expect(trustDomain.id.toString()).toBe('spiffe://prod.example');
});

test('trust domains are equal by name alone and sort by its bytes', () => {
  const [a, b, ab] = [TrustDomain.parse('a'), TrustDomain.parse('b'), TrustDomain.parse('a.b')];
  expect(a.equals(TrustDomain.parse('a'))).toBe(true);
  expect(a.equals(b)).toBe(false);
  expect([b, ab, a].toSorted((one, other) => one.compare(other))).toEqual([a, ab, b]);
  expect(a.compare(TrustDomain.parse('a'))).toBe(0);
});

test('a trust domain that nobody holds any more is forgotten, so that peers cannot fill the memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = TrustDomain.parse('held.example');
  const forgotten = new WeakRef(TrustDomain.parse('forgotten.example'));
  // A WeakRef keeps its target until the end of the job.
  await setImmediate();
  collect();
  expect(forgotten.deref()).toBeUndefined();
  expect(TrustDomain.parse('held.example')).toBe(held);
  expect(TrustDomain.parse('forgotten.example').name).toBe('forgotten.example');
});
