import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Mistake {
  readonly file: string;
  readonly instead: string;
  readonly write: string;
}

const MISTAKES: readonly Mistake[] = [
  // The deny list was forgotten at one service.
  {
    file: 'services/api.ts',
    instead: 'authorize: authorizeOneOf(IDS.frontend, IDS.console), deny: host.deny',
    write: 'authorize: authorizeOneOf(IDS.frontend, IDS.console)',
  },
  // Legacy was left on, whatever the policy says.
  { file: 'services/archive.ts', instead: ', policy, deny: host.deny }', write: ", accept: 'permissive' }" },
  // A route has no authorization of its own.
  {
    file: 'services/catalog.ts',
    instead: "app.post('/discounts/*mark', authorize(authorizeId(IDS.frontend)), answer)",
    write: "app.post('/discounts/*mark', answer)",
  },
  // The identity of the beginning is kept for ever.
  {
    file: 'services/frontend.ts',
    instead: 'const status = createHttpsServer(\n      host.source,',
    write: `const { staticX509Source } = await import('@svidkit/core');
    const status = createHttpsServer(\n      staticX509Source(host.source.current),`,
  },
];

/**
 * Writes the demo into `directory`, with services that make mistakes, as people do.
 *
 * @param root - of the repository.
 * @returns the path of its program.
 */
export function demoWithMistakes(root: string, directory: string): string {
  const copy = join(directory, 'demo');
  cpSync(join(root, 'examples/demo'), copy, { recursive: true });
  symlinkSync(join(root, 'examples/node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const { file, instead, write } of MISTAKES) {
    const path = join(copy, 'src', file);
    const source = readFileSync(path, 'utf8');
    if (!source.includes(instead)) throw new Error(`${file} has no ${instead}`);
    writeFileSync(path, source.replace(instead, write));
  }
  return join(copy, 'main.mjs');
}
