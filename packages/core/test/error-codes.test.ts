import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { ERROR_CODES } from '../src/errors.ts';

const root = join(import.meta.dirname, '../../..');

/** Codes of Node.js that our sources name. An entry that is not named any more fails below. */
const FOREIGN: readonly string[] = ['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'];

const codes: readonly string[] = Object.keys(ERROR_CODES);
const sources: readonly string[] = readdirSync(join(root, 'packages'))
  .flatMap((name) => filesUnder(join(root, 'packages', name, 'src')))
  .map((file) => readFileSync(file, 'utf8'));
const sections = readSections(readFileSync(join(root, 'docs/errors.md'), 'utf8'));

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name));
}

function named(pattern: RegExp): ReadonlySet<string> {
  return new Set(sources.flatMap((text) => Array.from(text.matchAll(pattern), (match) => match[1] ?? '')));
}

function readSections(page: string): ReadonlyMap<string, string> {
  const [, ...parts] = page.split(/^## /m);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end), part.slice(end)];
    }),
  );
}

describe('error codes', () => {
  const literals = named(/'(ERR_[A-Z0-9_]+)'/g);

  test('every code in the table is thrown somewhere', () => {
    const unused = codes.filter((code) => !literals.has(code));
    expect(unused).toEqual([]);
  });

  test('every code that a source names, also in a comment, is in the table or one of Node.js', () => {
    const mentioned = named(/\b(ERR_[A-Z0-9]+(?:_[A-Z0-9]+)+)\b(?![*_])/g);
    const strangers = [...mentioned].filter((code) => !codes.includes(code));
    expect(strangers.toSorted()).toEqual(FOREIGN.toSorted());
  });

  test('docs/errors.md has one heading for each code, in the order of the table, and no other', () => {
    expect([...sections.keys()]).toEqual(codes);
  });

  test('each heading has what happened, who must act as in the table, and what to do', () => {
    for (const [code, blame] of Object.entries(ERROR_CODES)) {
      const section = sections.get(code) ?? '';
      const parts = {
        happened: /\*\*What happened\.\*\* \S.{20,}/.test(section),
        blame: section.includes(`**Who must act:** ${blame}.`),
        todo: /\*\*What to do\.\*\* \S.{20,}/.test(section),
      };
      expect({ code, ...parts }).toEqual({ code, happened: true, blame: true, todo: true });
    }
  });

  test('every code has the form ERR_AREA_CONDITION', () => {
    for (const code of codes) expect(code).toMatch(/^ERR(_[A-Z]+){2,}$/);
  });
});
