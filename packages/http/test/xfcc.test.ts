import { isSpiffeError, type SpiffeError } from '@svidkit/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseXfcc, type XfccElement } from '../src/index.ts';
import { renderXfcc } from './render-xfcc.ts';

const NOTHING: XfccElement = {
  by: [],
  hash: undefined,
  cert: undefined,
  chain: undefined,
  subject: undefined,
  uri: [],
  dns: [],
};

const READ: Record<string, readonly [header: string, ...elements: Partial<XfccElement>[]]> = {
  'one element': [
    'By=spiffe://a.test/proxy;Hash=468ed33b;Subject="CN=x";URI=spiffe://a.test/web',
    { by: ['spiffe://a.test/proxy'], hash: '468ed33b', subject: 'CN=x', uri: ['spiffe://a.test/web'] },
  ],
  'an element for each proxy, in order': [
    'By=http://frontend.test;URI=http://client.test,By=http://backend.test;URI=http://frontend.test',
    { by: ['http://frontend.test'], uri: ['http://client.test'] },
    { by: ['http://backend.test'], uri: ['http://frontend.test'] },
  ],
  'header lines that node:http joined': [
    'URI=a, URI=b ,\tURI=c',
    { uri: ['a'] },
    { uri: ['b'] },
    { uri: ['c'] },
  ],
  'separators inside quotes': [
    'Subject="CN=a,b;URI=spiffe://a.test/admin,By=c";URI=d',
    { subject: 'CN=a,b;URI=spiffe://a.test/admin,By=c', uri: ['d'] },
  ],
  'escaped quotes': [
    String.raw`Subject="CN=\"quoted\",URI=\"no\"";URI=d`,
    { subject: 'CN="quoted",URI="no"', uri: ['d'] },
  ],
  'a backslash at the end of a quoted value': [
    String.raw`Subject="CN=a\\";URI=d`,
    { subject: String.raw`CN=a` + '\\', uri: ['d'] },
  ],
  'escapes of RFC 2253, which belong to the value': [
    String.raw`Subject="CN=Doe\, Jane\+1"`,
    { subject: String.raw`CN=Doe\, Jane\+1` },
  ],
  'several names': [
    'By=a;By=b;URI=c;URI=d;DNS=e;DNS=f',
    { by: ['a', 'b'], uri: ['c', 'd'], dns: ['e', 'f'] },
  ],
  'a URL-encoded certificate': [
    'Cert="-----BEGIN%20CERTIFICATE-----%0AMIIB%3D%3D";Chain="x%0A"',
    { cert: '-----BEGIN%20CERTIFICATE-----%0AMIIB%3D%3D', chain: 'x%0A' },
  ],
  'keys in any case, values to the letter': [
    'bY=A;hash=Ff;Uri=X;uRI=x',
    { by: ['A'], hash: 'Ff', uri: ['X', 'x'] },
  ],
  'empty values, which say nothing': ['By=;Hash=;Subject="";URI=;DNS=', {}],
  'keys that are not known': ['Future="a,b;c";URI=d;Future=e', { uri: ['d'] }],
  'names of other kinds, which are no URI': [
    'DNS=spiffe://a.test/admin;Subject="spiffe://a.test/admin"',
    { dns: ['spiffe://a.test/admin'], subject: 'spiffe://a.test/admin' },
  ],
};

const REFUSED: Record<string, string> = {
  nothing: '',
  'a space': ' ',
  'a comma': ',',
  'a key alone': 'URI',
  'a value alone': '=a',
  'an element before it that is empty': ',URI=a',
  'an element after it that is empty': 'URI=a,',
  'an element between that is empty': 'URI=a,,URI=b',
  'a pair before it that is empty': ';URI=a',
  'a pair after it that is empty': 'URI=a;',
  'a pair between that is empty': 'URI=a;;By=b',
  'a space before the sign': 'URI =a',
  'a space after the sign': 'URI= a',
  'a space in a bare value': 'URI=a b',
  'a space after a semicolon': 'URI=a; By=b',
  'a sign in a bare value': 'URI=a=b',
  'a backslash in a bare value': 'URI=a\\b',
  'a quote in a bare value': 'URI=a"b"',
  'a quote that does not end': 'URI="a',
  'a quote whose end is escaped': String.raw`URI="a\"`,
  'text behind a quote': 'URI="a"b',
  'a second quote behind a quote': 'URI="a""b"',
  'a key in quotes': '"URI"=a',
  'a hash twice': 'Hash=a;Hash=b',
  'a subject twice, once in another case': 'Subject="a";SUBJECT="b"',
  'a hash twice, once empty': 'Hash=;Hash=b',
  'a line break': 'URI=a\r\nURI=b',
  'a tab in quotes': 'Subject="a\tb"',
  'an escaped tab in quotes': 'Subject="a\\\tb"',
  'a null': 'URI=a\0',
  'letters beyond ASCII': 'URI=ä',
  'another space': 'URI=a\u00a0,URI=b',
};

describe('parseXfcc', () => {
  it.each(Object.entries(READ))('reads %s', (_, [header, ...elements]) => {
    expect(parseXfcc(header)).toEqual(elements.map((element) => ({ ...NOTHING, ...element })));
  });

  it.each(Object.entries(REFUSED))('refuses %s', (_, header) => {
    expect(failureOf(() => parseXfcc(header))).toMatchObject({ code: 'ERR_XFCC_INVALID', blame: 'peer' });
  });

  it.each([undefined, null, 1, ['URI=a'], { toString: () => 'URI=a' }])(
    'refuses %j, which is no text',
    (value) => {
      expect(failureOf(() => parseXfcc(value as string))).toMatchObject({ code: 'ERR_XFCC_INVALID' });
    },
  );

  it('takes 32 elements and 65,536 characters, and not one more', () => {
    const elements = Array.from({ length: 32 }, () => 'URI=a').join(',');
    expect(parseXfcc(elements)).toHaveLength(32);
    expect(failureOf(() => parseXfcc(`${elements},URI=a`)).code).toBe('ERR_XFCC_INVALID');

    const long = `URI=${'a'.repeat(65_532)}`;
    expect(parseXfcc(long)).toHaveLength(1);
    expect(failureOf(() => parseXfcc(`${long}a`)).code).toBe('ERR_XFCC_INVALID');
  });

  it('quotes nothing of what came in its message', () => {
    const { message } = failureOf(() => parseXfcc('Cert="s3cret'));
    expect(message).not.toContain('s3cret');
    expect(message).toContain('at offset 5');
  });

  it('gives elements that nobody can change', () => {
    const [element] = parseXfcc('URI=a');
    expect(Object.isFrozen(element)).toBe(true);
    expect(Object.isFrozen(element?.uri)).toBe(true);
  });

  it('never throws anything but its error, whatever came', () => {
    const pieces = fc.constantFrom('By', 'URI', 'Hash', '=', ';', ',', '"', '\\', ' ', '\t', 'a', 'ä', '\n');
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseXfcc(text);
        } catch (error) {
          if (!isSpiffeError(error) || error.code !== 'ERR_XFCC_INVALID') throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads what a proxy wrote', () => {
    fc.assert(
      fc.property(fc.array(elementArbitrary, { minLength: 1, maxLength: 32 }), (elements) => {
        expect(parseXfcc(renderXfcc(elements))).toEqual(elements);
      }),
    );
  });

  it('reads the element that was appended as it was written, or nothing at all, whatever stands before it', () => {
    const pieces = fc.constantFrom('By=', 'URI=', 'Subject="', '=', ';', ',', '"', '\\', ' ', 'a');
    const prefixes = fc.oneof(
      fc.string({ unit: 'grapheme-ascii' }),
      fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
      fc.array(elementArbitrary, { minLength: 1, maxLength: 3 }).map(renderXfcc),
    );
    let read = 0;
    fc.assert(
      fc.property(prefixes, elementArbitrary, (prefix, element) => {
        try {
          expect(parseXfcc(`${prefix},${renderXfcc([element])}`).at(-1)).toEqual(element);
          read += 1;
        } catch (error) {
          if (!isSpiffeError(error)) throw error;
        }
      }),
      { numRuns: 5000 },
    );
    expect(read).toBeGreaterThan(1000);
  });
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', minLength: 1 }),
  fc
    .array(fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'a'), { minLength: 1 })
    .map((parts) => parts.join('')),
);
const elementArbitrary: fc.Arbitrary<XfccElement> = fc.record({
  by: fc.array(text, { maxLength: 2 }),
  hash: fc.option(text, { nil: undefined }),
  cert: fc.option(text, { nil: undefined }),
  chain: fc.option(text, { nil: undefined }),
  subject: fc.option(text, { nil: undefined }),
  uri: fc.array(text, { maxLength: 3 }),
  dns: fc.array(text, { maxLength: 3 }),
});

function failureOf(run: () => unknown): SpiffeError {
  try {
    run();
  } catch (error) {
    if (isSpiffeError(error)) return error;
    throw error;
  }
  throw new TypeError('want a failure, got none');
}
