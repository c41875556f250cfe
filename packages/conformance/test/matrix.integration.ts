import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, test } from 'vitest';

import { specLink } from '../src/spec/spec-link.ts';
import { loadSuites } from '../src/vectors/load-suites.ts';
import { HAS_CHROMIUM, openPage } from './browser.ts';
import { resultsFile } from './results-file.ts';
import { type KitRun, runKit, temporaryDirectory } from './run-kit.ts';

const PARSED = 'spiffe-id/accept/td-and-path';
const UPPER = 'spiffe-id/reject/ipv6';
const OPEN = 'spiffe-id/choice/len-2049';

/** Everything that somebody who writes an adapter could try. */
const HOSTILE = `</script><script>document.title='taken'</script><img src=x onerror=alert(1)>'"&\u202Eevil\u2066\u0000\u001B[2J\u{E0041}`;

interface Site extends KitRun {
  readonly page: string;
  readonly markdown: string;
  readonly json: {
    readonly disagreements: number;
    readonly implementations: readonly { readonly key: string; readonly claim: string | null }[];
    readonly cases: readonly { readonly id: string; readonly results: object; readonly disputed?: boolean }[];
  };
  readonly folder: string;
}

async function matrix(...files: readonly string[]): Promise<Site> {
  const folder = join(temporaryDirectory(), 'site');
  const run = await runKit(['matrix', ...files, '-o', folder]);
  expect(run.stderr).toBe('');
  expect(readdirSync(folder).toSorted()).toEqual(['index.html', 'matrix.json', 'matrix.md']);
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return {
    ...run,
    folder,
    page: read('index.html'),
    markdown: read('matrix.md'),
    json: JSON.parse(read('matrix.json')) as Site['json'],
  };
}

function two(): readonly [string, string] {
  return [
    resultsFile({
      name: 'one',
      claims: [{ profile: 'core', requirements: '2026-07', verdict: 'conformant' }],
      results: [
        { case: PARSED, status: 'pass' },
        { case: UPPER, status: 'pass', codeMatched: false, reason: 'rejected as unknown' },
        { case: OPEN, status: 'pass', level: 'choice', branch: 'accepted' },
      ],
    }),
    resultsFile({
      name: 'two',
      homepage: 'https://two.example/',
      results: [
        { case: PARSED, status: 'pass' },
        { case: UPPER, status: 'fail', reason: 'want a rejection, got ok', actual: { ok: { id: 'x' } } },
        { case: OPEN, status: 'pass', level: 'choice', branch: 'refused' },
        { case: 'later-suite/some/case', status: 'known-fail', reason: 'known: not yet done (https://i)' },
      ],
    }),
  ];
}

function hostileFile(): string {
  return resultsFile({
    name: HOSTILE,
    version: HOSTILE,
    homepage: 'javascript:alert(1)',
    claims: [{ profile: HOSTILE, requirements: HOSTILE, verdict: 'conformant' }],
    remarks: [HOSTILE, 'x'.repeat(100_000)],
    results: [
      { case: UPPER, status: 'fail', reason: HOSTILE, branch: HOSTILE, actual: { ok: { id: HOSTILE } } },
      { case: `evil/${HOSTILE}/a`, status: 'known-fail', reason: 'long '.repeat(10_000) },
      { case: PARSED, status: 'error', reason: 'x'.repeat(1_000_000) },
    ],
  });
}

describe('the matrix', () => {
  test('shows what each implementation came to, and where they disagree', async () => {
    const { stdout, page, markdown, json } = await matrix(...two());
    expect(stdout).toMatch(/^2 implementations, 4 cases, 2 disagreements: /);
    expect(json.disagreements).toBe(2);
    expect(json.cases.filter(({ disputed }) => disputed).map(({ id }) => id)).toEqual([OPEN, UPPER]);
    expect(json.cases.find(({ id }) => id === UPPER)?.results).toEqual({
      'one@1.0.0': { status: 'pass', reason: 'rejected as unknown', codeMatched: false },
      'two@1.0.0': { status: 'fail', reason: 'want a rejection, got ok', actual: { ok: { id: 'x' } } },
    });
    // A case that this kit does not know is shown all the same.
    expect(json.cases.at(-1)).toMatchObject({ id: 'later-suite/some/case' });
    expect(page).toContain('conformant: <b><bdi>core @ 2026-07</bdi></b>');
    expect(page).toContain('<a href="https://two.example/" rel="noopener noreferrer">two</a>');
    expect(page).toContain('#21-trust-domain"');
    expect(markdown).toContain('| claim | core @ 2026-07 | - |');
    expect(markdown).toContain('| spiffe-id/reject/ipv6 | must | ✓ | ✗ |');
    expect(markdown).toContain('| spiffe-id/choice/len-2049 | choice | ◆ accepted | ◆ refused |');
  });

  test('shows how long an implementation took to come round', async () => {
    const results = [{ case: 'rotation/swap/leaf-and-key', status: 'pass', convergenceMs: 87.4 }] as const;
    const { page, json } = await matrix(resultsFile({ results }));
    expect(page).toContain('✓<small>87 ms</small>');
    expect(json.cases[0]?.results).toEqual({ 'port@1.0.0': { status: 'pass', convergenceMs: 87 } });
  });

  test('is the same bytes for the same files, whatever their order', async () => {
    const files = two();
    const first = await matrix(...files);
    const second = await matrix(...files.toReversed());
    expect([second.page, second.markdown, second.json]).toEqual([first.page, first.markdown, first.json]);
  });

  test('loads nothing, and allows its own style and script alone', async () => {
    const { page } = await matrix(...two());
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri/,
    );
    for (const [element, start] of [
      ['style', '<style>'],
      ['script', '<script type="module">'],
    ] as const) {
      const content = new RegExp(`${start}(.*?)</${element}>`, 's').exec(page)?.[1] ?? '';
      const hash = createHash('sha256').update(content).digest('base64');
      expect(policy).toContain(`${element}-src 'sha256-${hash}'`);
    }
    expect(page).not.toMatch(
      /<(?:img|link|iframe|object|form)\b|\son\w+=|\sstyle=|url\(|@import|javascript:/i,
    );
  });

  test('has a link for every section of the standards that a case cites', () => {
    const cited = loadSuites().flatMap(({ cases }) => cases.flatMap(({ spec }) => spec));
    const broken = cited
      .filter(({ doc }) => doc !== 'KIT')
      .filter(({ doc, section }) => !(specLink(doc, section) ?? '').includes('#'));
    expect(broken).toEqual([]);
  });

  test('puts parts of one run together, and claims nothing from them', async () => {
    const claims = [{ profile: 'core', requirements: '2026-07', verdict: 'conformant' }];
    const parts = [PARSED, UPPER].map((id) =>
      resultsFile({ full: false, claims, results: [{ case: id, status: 'pass' }] }),
    );
    const { json } = await matrix(...parts);
    expect(json.implementations).toMatchObject([{ key: 'port@1.0.0', claim: null }]);
    expect(json.cases.map(({ id }) => id)).toEqual([PARSED, UPPER]);
  });

  test.each([
    [[], 'which results?'],
    [['/nonexistent.json'], 'ENOENT'],
    [[import.meta.filename], 'JSON'],
  ])('%j is exit code 2', async (files, message) => {
    const { exitCode, stderr } = await runKit(['matrix', ...files, '-o', temporaryDirectory()]);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  });

  test('refuses results that are none, and a case that is there twice', async () => {
    const folder = temporaryDirectory();
    const file = join(folder, 'other.json');
    writeFileSync(file, '{"format":2}');
    const wrongFormat = await runKit(['matrix', file, '-o', folder]);
    expect(wrongFormat.stderr).toContain('want results of format 1');
    const unknownStatus = resultsFile({ results: [{ case: PARSED, status: 'great' as 'pass' }] });
    expect((await runKit(['matrix', unknownStatus, '-o', folder])).stderr).toContain('result 1 has no case');
    const results = [{ case: PARSED, status: 'pass' }] as const;
    const twice = await runKit(['matrix', resultsFile({ results }), resultsFile({ results }), '-o', folder]);
    expect(twice.stderr).toContain(`port@1.0.0 has results for ${PARSED} in another file already`);
    expect([wrongFormat, twice].map(({ exitCode }) => exitCode)).toEqual([2, 2]);
  });
});

describe('what an adapter wrote', () => {
  test('is text of the page and of the Markdown, never markup, never invisible, never endless', async () => {
    const { page, markdown } = await matrix(hostileFile(), ...two());
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(markdown.replaceAll('\n', '')).not.toMatch(/\p{C}|(?<!\\)<img/u);
    expect(page.length).toBeLessThan(100_000);
    expect(Math.max(...page.split('\n').map((line) => line.length))).toBeLessThan(40_000);
  });

  test.skipIf(!HAS_CHROMIUM)('is shown by a browser as text, in the page and in its details', async () => {
    const { folder } = await matrix(hostileFile(), ...two());
    const url = pathToFileURL(join(folder, 'index.html')).href;
    const page = await openPage(url, { width: 390, height: 844 });
    try {
      expect(await page.evaluate('document.title')).toBe('SPIFFE conformance');
      await page.evaluate(`document.querySelector('#failed').click()`);
      await page.evaluate(`document.querySelector('tr.case:not([hidden])').click()`);
      const shown = await page.evaluate(`document.querySelector('dialog').innerText`);
      expect(shown).toContain(`<script>document.title='taken'</script>`);
      expect(await page.evaluate(`document.querySelectorAll('dialog script, dialog img').length`)).toBe(0);
      expect(await page.evaluate('document.title')).toBe('SPIFFE conformance');
      // Long lines break: nothing is wider than the phone.
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      expect(page.complaints).toEqual([]);
    } finally {
      await page.close();
    }
  });
});

describe.skipIf(!HAS_CHROMIUM)('the page in a browser', () => {
  test.each([
    [390, false],
    [1440, true],
  ])('%i pixels wide, filters, opens and tells of a case', async (width, dark) => {
    const { folder } = await matrix(...two());
    const url = pathToFileURL(join(folder, 'index.html')).href;
    const page = await openPage(url, { width, height: 900, dark });
    const visible = (): Promise<unknown> =>
      page.evaluate(
        `Array.from(document.querySelectorAll('tr.case:not([hidden])'), (line) => line.querySelector('code').textContent)`,
      );
    const choose = (id: string, value: string): Promise<unknown> =>
      page.evaluate(
        `{ const input = document.getElementById('${id}'); input.value = '${value}'; input.dispatchEvent(new Event('input')); }`,
      );
    try {
      expect(await visible()).toEqual([]);
      await page.evaluate(`document.querySelector('tr.suite').click()`);
      expect(await visible()).toEqual(['accept/td-and-path', 'choice/len-2049', 'reject/ipv6']);
      await page.evaluate(`document.getElementById('disputed').click()`);
      expect(await visible()).toEqual(['choice/len-2049', 'reject/ipv6']);
      await choose('level', 'choice');
      expect(await visible()).toEqual(['choice/len-2049']);
      await choose('level', '');
      await choose('text', 'dotted-quad');
      expect(await visible()).toEqual(['reject/ipv6']);
      expect(await page.evaluate(`document.getElementById('shown').textContent`)).toBe('1 of 4 cases');
      await page.evaluate(`document.querySelector('tr.case:not([hidden]) button').click()`);
      const details = await page.evaluate(`document.querySelector('dialog[open]').innerText`);
      expect(details).toContain('in dotted-quad notation, but does exclude IPv6 addresses.');
      expect(details).toContain('want a rejection, got ok');
      expect(details).toContain('{"ok":{"id":"x"}}');
      expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe(
        dark ? 'rgb(17, 22, 28)' : 'rgb(247, 248, 250)',
      );
      expect(page.complaints).toEqual([]);
    } finally {
      await page.close();
    }
  });

  test('shows cases that differ in one thing, and come to the same, as one line also where they are looked for', async () => {
    const files = ['folded', 'refused'].map((branch) =>
      resultsFile({
        name: branch,
        results: ['41', '42', '43', '44'].map((byte) => ({
          case: `spiffe-id/choice/td-byte-sweep[byte=${byte}]`,
          level: 'choice' as const,
          status: 'pass' as const,
          branch,
        })),
      }),
    );
    const { folder } = await matrix(...files);
    const page = await openPage(pathToFileURL(join(folder, 'index.html')).href, { width: 800, height: 600 });
    const lines = (): Promise<unknown> =>
      page.evaluate(
        `Array.from(document.querySelectorAll('tbody tr:not([hidden])'), (line) => line.className)`,
      );
    try {
      await page.evaluate(`document.getElementById('disputed').click()`);
      expect(await lines()).toEqual(['suite', 'family disputed']);
      // The sign, the number of the way, and how many cases went it.
      const cells = `Array.from(document.querySelectorAll('tr.family td'), (cell) => cell.innerText.trim())`;
      expect(await page.evaluate(cells)).toEqual(['◆24', '◆14']);
      await page.evaluate(`document.querySelector('tr.family').click()`);
      const member = 'case member disputed';
      expect(await lines()).toEqual(['suite', 'family disputed', member, member, member, member]);
    } finally {
      await page.close();
    }
  });
});
