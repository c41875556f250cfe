import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const guide = readFileSync(join(root, 'docs/drivers.md'), 'utf8');
// The first one makes what the others use.
const [, ...snippets] = Array.from(guide.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1] ?? '');

const BEFORE = `import { type Authorizer, type X509Source } from '@svidkit/core';
import { tlsClientOptions } from '@svidkit/tls';
import * as drivers from '@svidkit/tls/drivers';
declare const source: X509Source;
declare const authorize: Authorizer;
declare const password: string;
const { pgOptions, postgresOptions, mysql2Options, ioredisOptions, natsOptions, kafkajsOptions, mongodbOptions } = drivers;
`;

test('the guide has code for every driver, that compiles against the types of the driver', () => {
  // Where all drivers are installed.
  const cache = join(root, 'interop/node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'guide-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const files = snippets.map((snippet, i) => {
    const name = `snippet-${i}.mts`;
    writeFileSync(join(directory, name), `${BEFORE}${snippet}`);
    return name;
  });
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        composite: false,
        declaration: false,
        isolatedDeclarations: false,
        noEmit: true,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files,
    }),
  );
  const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', directory], {
    encoding: 'utf8',
  });
  expect(snippets).toHaveLength(8);
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
