import { describe, expect, test } from 'vitest';

import { SpiffeId } from '../src/spiffe-id.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { failureOf } from './failure-of.ts';

describe('builders', () => {
  const td = TrustDomain.parse('td');
  const base = SpiffeId.parse('spiffe://td/a');

  test('fromPath builds from a trust domain or its name, with and without a path', () => {
    expect(SpiffeId.fromPath(td, '/a/b').toString()).toBe('spiffe://td/a/b');
    expect(SpiffeId.fromPath('td', '').toString()).toBe('spiffe://td');
  });

  test.each([
    ['a', 'it does not start with "/" at offset 0'],
    ['/', 'it ends with "/" at offset 0'],
    ['//a', 'its path has an empty segment at offset 0'],
    ['/a/', 'it ends with "/" at offset 2'],
    ['/..', 'its path has a "." or ".." segment at offset 1'],
    ['/a?b', 'it has a query at offset 2'],
    ['/a b', 'its path has the illegal character " " at offset 2'],
    ['.evil', 'it does not start with "/" at offset 0'],
    ['@evil/a', 'it does not start with "/" at offset 0'],
  ])('every builder from a path refuses %j', (path, defect) => {
    for (const build of [
      () => SpiffeId.fromPath(td, path),
      () => base.appendPath(path),
      () => base.replacePath(path),
    ]) {
      const failure = failureOf(build);
      expect(failure.code).toBe('ERR_ID_INVALID');
      expect(failure.message).toContain(defect);
    }
  });

  test.each([
    ['', 'it is empty'],
    ['.', 'its path has a "." or ".." segment'],
    ['..', 'its path has a "." or ".." segment'],
    ['a/b', 'its path has the illegal character "/" at offset 1'],
    ['/a', 'its path has the illegal character "/" at offset 0'],
    ['a%2fb', 'it is percent-encoded at offset 1'],
  ])('every builder from segments refuses %j, and never splits it', (segment, defect) => {
    for (const build of [
      () => SpiffeId.fromSegments(td, 'x', segment),
      () => base.appendSegments(segment, 'x'),
    ]) {
      const failure = failureOf(build);
      expect(failure.code).toBe('ERR_ID_INVALID');
      expect(failure.message).toContain(defect);
    }
  });

  test('append and replace give a new ID and leave the old one', () => {
    expect(base.appendPath('/b/c').toString()).toBe('spiffe://td/a/b/c');
    expect(base.appendPath('').equals(base)).toBe(true);
    expect(base.appendSegments('b', 'c').toString()).toBe('spiffe://td/a/b/c');
    expect(base.appendSegments().equals(base)).toBe(true);
    expect(base.replacePath('/b').toString()).toBe('spiffe://td/b');
    expect(base.replacePath('').toString()).toBe('spiffe://td');
    expect(td.id.appendPath('/a').equals(base)).toBe(true);
    expect(base.toString()).toBe('spiffe://td/a');
  });

  test('every builder makes an ID of 2048 bytes and refuses to make one of 2049 (ID-18)', () => {
    const fits = 'b'.repeat(2048 - 'spiffe://td/a/'.length);
    const builders: ((segment: string) => SpiffeId)[] = [
      (segment) => SpiffeId.fromPath(td, `/a/${segment}`),
      (segment) => SpiffeId.fromSegments(td, 'a', segment),
      (segment) => base.appendPath(`/${segment}`),
      (segment) => base.appendSegments(segment),
      (segment) => base.replacePath(`/a/${segment}`),
    ];
    for (const build of builders) {
      expect(build(fits).toString()).toHaveLength(2048);
      expect(failureOf(() => build(`${fits}b`)).code).toBe('ERR_ID_TOO_LONG');
    }
  });

  test.each([null, undefined, 1, {}, ['td'], { name: 'td/evil' }, { name: 'spiffe:/td' }])(
    'fromPath refuses %o in place of a trust domain',
    (given) => {
      expect(failureOf(() => SpiffeId.fromPath(given as unknown as TrustDomain, '/a')).code).toBe(
        'ERR_ID_INVALID',
      );
    },
  );

  test.each([null, undefined, 1, {}])('builders refuse %o in place of a path or segment', (given) => {
    expect(failureOf(() => SpiffeId.fromPath(td, given as string)).code).toBe('ERR_ID_INVALID');
    expect(failureOf(() => SpiffeId.fromSegments(td, given as string)).code).toBe('ERR_ID_INVALID');
    expect(failureOf(() => base.appendPath(given as string)).code).toBe('ERR_ID_INVALID');
  });
});

describe('comparison', () => {
  const id = SpiffeId.parse('spiffe://td/a');

  test('equal is what is the same byte for byte; the path is case-sensitive (ID-20)', () => {
    expect(id.equals(SpiffeId.parse('spiffe://td/a'))).toBe(true);
    for (const other of [
      'spiffe://td/A',
      'spiffe://td/a/b',
      'spiffe://td',
      'spiffe://tda',
      'spiffe://tda/a',
    ]) {
      expect(id.equals(SpiffeId.parse(other))).toBe(false);
    }
  });

  test('memberOf holds for its own trust domain and no other, not even one with the same beginning or end', () => {
    expect(id.memberOf(TrustDomain.parse('td'))).toBe(true);
    for (const other of ['t', 'tda', 'a.td', 'td.a'])
      expect(id.memberOf(TrustDomain.parse(other))).toBe(false);
  });
});
