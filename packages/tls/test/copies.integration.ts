import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build, type BuildOptions } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, closing, knock, world } from './fixtures.ts';
import { runChild, startChild } from './run-child.ts';

afterEach(closeAll);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'svidkit-tls-'));
  return closing(path, (name) => rm(name, { recursive: true, force: true }));
}

/** One file with everything in it, minified, for a machine that has nothing but Node.js. */
async function bundle(input: BuildOptions, outfile: string): Promise<string> {
  await build({
    ...input,
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['@svidkit/source'],
    logLevel: 'silent',
  });
  return outfile;
}

describe('trap: two copies of the package in one process', () => {
  it('lose no peer and forge none, in any mixture of servers, clients, sources and authorizers', async () => {
    const path = await folder();
    const contents = "export * from '@svidkit/core'; export * from '@svidkit/tls';";
    const everything = { stdin: { contents, resolveDir: import.meta.dirname } };
    const copies = await Promise.all(
      ['one.mjs', 'two.mjs'].map((name) => bundle(everything, join(path, name))),
    );

    const { code, stdout, stderr } = await runChild('two-copies.ts', { args: copies });

    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const { checks, problems } = JSON.parse(stdout) as { checks: number; problems: string[] };
    expect(problems).toEqual([]);
    expect(checks).toBeGreaterThan(200);
  });
});

describe.each(['single', 'cluster', 'threads'])('trap: a service in mode %s', (mode) => {
  it.each(['its sources', 'an esbuild bundle'])(
    'run from %s, loses no peer and forges none',
    async (form) => {
      const path = await folder();
      const { a, b, rogue } = await world();
      const { certPem, keyPem } = await a.issue({ path: '/service' });
      const identity = join(path, 'identity.json');
      await writeFile(identity, JSON.stringify({ certPem, keyPem, bundlePem: a.bundlePem }));
      const program =
        form === 'its sources'
          ? 'service.ts'
          : await bundle(
              { entryPoints: [join(import.meta.dirname, 'children/service.ts')] },
              join(path, 'service.mjs'),
            );
      const child = await startChild(program, [identity, mode]);
      const ports = JSON.parse(child.line) as number[];
      expect(ports.length).toBe(mode === 'threads' ? 2 : 1);

      const callers = await Promise.all(['/one', '/two', '/three'].map((name) => a.issue({ path: name })));
      const strangers = [
        await rogue.issue({ path: '/one' }),
        await b.issue({ id: 'spiffe://a.test/one' }),
        await a.issue({ path: '/one', defects: ['expired'] }),
        undefined,
      ];
      const places = new Set<string | undefined>();
      const sessions: Buffer[] = [];
      for (let round = 0; round < 12; round += 1) {
        const port = ports[round % ports.length] ?? 0;
        const caller = callers[round % callers.length];
        const options = sessions[0] === undefined ? {} : { session: sessions[0] };
        // Workers are served in turn: the strangers change sides, too.
        const before =
          round % 4 < 2 ? await knock(port, strangers[round % strangers.length], options) : undefined;
        const answer = await knock(port, caller, options);
        const refusal = before ?? (await knock(port, strangers[round % strangers.length], options));
        expect(answer.line).toContain(`peer=${caller?.id} serial=${caller?.svid().leaf.serialNumber} `);
        expect(refusal.secured).toBe(true);
        expect(refusal.line).toBeUndefined();
        expect([answer.resumed, refusal.resumed]).toEqual([false, false]);
        places.add(/place=(\d+)/.exec(answer.line ?? '')?.[1]);
        sessions.unshift(...answer.sessions);
      }
      expect(places.size).toBe(mode === 'single' ? 1 : 2);
      expect(child.stderr()).toBe('');
    },
  );
});
