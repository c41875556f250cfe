import { describe, expect, test } from 'vitest';

import { harmless, harmlessJson, paintFor, type Terminal, widthOf, wrap } from '../src/terminal.ts';

const terminal: Terminal = { write: () => true, isTTY: true, columns: 132 };

describe('paintFor', () => {
  test.for([
    ['a terminal', terminal, {}, true],
    ['a terminal with an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['a terminal with NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['a terminal without abilities', terminal, { TERM: 'dumb' }, false],
    ['a pipe', { write: () => true }, {}, false],
  ] as const)('on %s colour is as it should be', ([, stream, env, coloured]) => {
    expect(paintFor(stream, env)('red', 'x')).toBe(coloured ? '\u001B[31mx\u001B[39m' : 'x');
  });
});

test('lines have 80 characters, or what a narrower terminal has', () => {
  expect(widthOf(terminal)).toBe(80);
  expect(widthOf({ ...terminal, columns: 60 })).toBe(60);
  expect(widthOf({ ...terminal, columns: 10 })).toBe(80);
  expect(widthOf({ write: () => true, columns: 60 })).toBe(80);
});

describe('text that others wrote', () => {
  const nasty = 'a\u001B[2Jb\u009Bc\u202Ed\u200Be\nf\u2028g\u{E0001}h';

  test('cannot move the cursor, re-order a line or hide', () => {
    expect(harmless(nasty)).toBe(String.raw`a\u{1b}[2Jb\u{9b}c\u{202e}d\u{200b}e\u{a}f\u{2028}g\u{e0001}h`);
  });

  test('stays as it is when it is plain, in any script', () => {
    expect(harmless('svc-1 Größe 東京')).toBe('svc-1 Größe 東京');
  });

  test('is escaped in JSON, and parses back to what it was', () => {
    const json = harmlessJson({ nasty });
    expect(json).toMatch(/^[\x20-\x7E\n]*$/);
    expect(JSON.parse(json)).toEqual({ nasty });
  });
});

test('text is broken at spaces, and a long word stays whole', () => {
  expect(wrap('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
  expect(wrap('a /a/very/long/path b', 6)).toEqual(['a', '/a/very/long/path', 'b']);
  expect(wrap('', 6)).toEqual(['']);
});
