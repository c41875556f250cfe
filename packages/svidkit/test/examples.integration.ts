import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

const examples = resolve(import.meta.dirname, '../../../examples');
const folders = globSync('*/run.mjs', { cwd: examples }).map(dirname).toSorted();

/** What each of them has to show besides its last line. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  express: [
    /^billing: \/refunds: 200 refund by /m,
    /^web: \/refunds: 403 /m,
    /^stranger: \/prices: no answer, /m,
  ],
  fastify: [
    /^billing: \/refunds: 200 refund by /m,
    /^web: \/refunds: 403 /m,
    /^stranger: \/prices: no answer, /m,
  ],
  'grpc-streaming': [/^trader: stream 1: ACME #2 /m, /^stranger: stream 1 ended: 14 UNAVAILABLE/m],
  'http-clients': [/^undici: second: HTTP\/2\.0 /m, /^axios misled: first: no answer, ERR_CHAIN_UNTRUSTED$/m],
  https: [/^web: second order: 200 order of .* taken$/m, /^stranger: forged order: no order, /m],
  kafka: [/^broker: request 18 of web, which is spiffe:/m, /^misled: tlsClientOptions: Connection error/m],
  nest: [/^web http: \/refunds: 403 /m, /^web grpc: Refund: no answer, 7 PERMISSION_DENIED/m],
  otlp: [
    /^collector: \/v1\/traces of .*: order paid$/m,
    /^misled: secret order: lost, ERR_CHAIN_UNTRUSTED$/m,
  ],
  postgres: [/^web: second: app over TLSv1\.3 with the SVID of now$|^--- no PostgreSQL on this machine/m],
};

describe.concurrent('an example', () => {
  test.each(folders)(
    '%s runs',
    async (folder) => {
      // A failure rejects with what it printed.
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--conditions=@svidkit/source', join(examples, folder, 'run.mjs')],
        {
          timeout: 110_000,
          // kafkajs sets a timer in the past.
          env: { ...process.env, NODE_OPTIONS: '--disable-warning=TimeoutNegativeWarning' },
        },
      );
      expect(stderr).toBe('');
      for (const line of SHOWN[folder] ?? []) expect(stdout).toMatch(line);
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('It worked.');
    },
    120_000,
  );
});

test('there are examples, and each of them is looked at', () => {
  expect(folders).toEqual(expect.arrayContaining(Object.keys(SHOWN)));
});

test('the example migration runs: to SPIFFE and back by the policy file, and every decision is told', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', resolve(examples, 'migration/run.mjs')],
    { timeout: 55_000 },
  );
  expect(stderr).toBe('');
  expect(stdout).toContain('server: permissive, showing legacy: legacy client old.corp.example accepted');
  expect(stdout).toContain('server: strict, showing spiffe: legacy client ? rejected');
  expect(stdout).toContain('server: ERR_POLICY_INVALID: the last good policy stays');
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('It worked.');
});
