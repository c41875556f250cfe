import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { temporaryDirectory } from './run-kit.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/porting.md'), 'utf8');
const BIN = join(import.meta.dirname, '../src/bin.ts');
const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0;

interface Block {
  /** The file that it is; undefined for commands. */
  readonly file: string | undefined;
  readonly text: string;
}

/** What the page has to type in, in its order: files, which are named behind the language, and commands. */
const blocks = Array.from(PAGE.matchAll(/^```(?:python (\S+)|sh)\n(.*?)^```$/gms), (match): Block => {
  return { file: match[1], text: match[2] ?? '' };
});

/** A folder with an `npx` that runs this kit, which is not published yet. */
function npx(): string {
  const folder = temporaryDirectory();
  const script = `#!/bin/sh\n[ "$1" = @svidkit/conformance ] || exit 97\nshift\nexec '${process.execPath}' --conditions=@svidkit/source '${BIN}' "$@"\n`;
  writeFileSync(join(folder, 'npx'), script);
  chmodSync(join(folder, 'npx'), 0o755);
  return folder;
}

describe('the page about a port in 15 minutes', () => {
  test.skipIf(!HAS_PYTHON)('works as it stands: its blocks in their order, in an empty folder', () => {
    const folder = join(temporaryDirectory(), 'port');
    mkdirSync(folder);
    const PATH = `${npx()}:${process.env['PATH']}`;
    const said: string[] = [];
    for (const { file, text } of blocks) {
      if (file !== undefined) {
        writeFileSync(join(folder, file), text);
        continue;
      }
      const { status, stdout, stderr } = spawnSync('sh', ['-eu', '-c', text], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, PATH },
      });
      expect(`${text}${status}\n${stderr}`).toBe(`${text}0\n`);
      said.push(stdout);
    }
    const [first = '', three = '', , known = '', whole = ''] = said;
    expect(first).toContain('The adapter speaks protocol 1.');
    expect(first).toMatch(/^6\d\d cases executed: 6\d\d pass, \d+ unsupported$/m);
    // Every suite that it names is asked in full but for rules that it does not claim.
    expect(three).toMatch(
      /^spiffe-id: 6\d\d cases\ntrust-domain: 1\d cases\nauthorizer: 2\d cases, 1\d not asked$/m,
    );
    expect(three).toMatch(/^6\d\d cases executed: 6\d\d pass, 1\d unsupported$/m);
    expect(known).toContain('known.json: 0 entries');
    expect(whole).toMatch(/^core @ 2026-07: incomplete /m);
    expect(JSON.parse(readFileSync(join(folder, 'badge.json'), 'utf8'))).toMatchObject({
      color: 'yellow',
    });
  });

  test('begins with what `init python` writes', () => {
    const firsts = new Map(
      blocks.toReversed().flatMap(({ file, text }) => (file === undefined ? [] : [[file, text] as const])),
    );
    expect([...firsts.keys()].toSorted()).toEqual(['adapter.py', 'library.py', 'operations.py']);
    for (const [file, text] of firsts) {
      const skeleton = join(import.meta.dirname, '../skeletons/python', file);
      expect(text).toBe(readFileSync(skeleton, 'utf8'));
    }
  });
});
