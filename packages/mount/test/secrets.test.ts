import { rm, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';

import { mountFiles, renameWriter, type TestSvid } from '@svidkit/testkit';
import { expect, onTestFinished, test } from 'vitest';

import { inspectMount } from '../src/inspect-mount.ts';
import { BAD_INPUTS, CHANGED_TRUST_DOMAIN } from './bad-inputs.ts';
import { testFixture } from './test-fixture.ts';

/** Everything by which the key could be recognised: any 12 characters of its text, and its secret number. */
function marks({ key, keyPem }: TestSvid): readonly string[] {
  const body = keyPem.split('\n').slice(1, -2).join('');
  const windows = Array.from({ length: body.length - 12 }, (_, index) => body.slice(index, index + 12));
  const { d = '' } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d, 'base64url');
  // Not what every P-256 key begins with, nor the public point, which is in the certificate.
  const der = key.export({ type: 'pkcs8', format: 'der' });
  const start = Math.ceil((der.indexOf(secret) * 4) / 3);
  const own = windows.filter((_, index) => index >= start && index + 12 <= start + 40);
  return [
    ...own,
    d.slice(0, 16),
    secret.toString('hex').slice(0, 16),
    secret.toString('base64').slice(0, 16),
    String([...secret].slice(0, 8)),
  ];
}

test('the marks find the key in its own file', async () => {
  const fixture = await testFixture('poll');
  const svid = await fixture.ca.issue();
  expect(marks(svid).length).toBeGreaterThan(20);
  expect(marks(svid).some((mark) => svid.keyPem.replaceAll('\n', '').includes(mark))).toBe(true);
  expect(marks(svid).some((mark) => svid.certPem.replaceAll('\n', '').includes(mark))).toBe(false);
});

test('no key shows in any message, event, report or log, whatever is wrong with the files', async () => {
  const fixture = await testFixture('poll');
  const { ca, path, open } = fixture;
  const output: unknown[] = [];
  const written: string[] = [];
  const streams = [process.stdout, process.stderr] as const;
  for (const stream of streams) {
    const write = stream.write.bind(stream);
    stream.write = (chunk: string | Uint8Array): boolean => {
      written.push(Buffer.from(chunk as string).toString());
      return true;
    };
    onTestFinished(() => {
      stream.write = write;
    });
  }
  const onWarning = (warning: Error): void => void output.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));

  const svids: TestSvid[] = [];
  let inputs = 0;
  for (const input of [...BAD_INPUTS, CHANGED_TRUST_DOMAIN]) {
    await rm(path('mount'), { recursive: true, force: true });
    const [good, next] = [await ca.issue({ path: '/good' }), await ca.issue({ path: '/next' })];
    svids.push(good, next);
    await renameWriter(path('mount'), { fileMode: 0o600 }).write(mountFiles.secret(good, ca));
    const reader = await open();
    await input.spoil(fixture, next);
    await reader.pass(12_000);
    await reader.pass(65_000, 20_000);
    output.push(
      reader.errors,
      reader.healths,
      reader.updates,
      reader.source.health(),
      reader.source,
      reader.source.current,
    );
    output.push(await open({ wait: 0 }).catch((error: unknown) => error));
    output.push(await inspectMount({ directory: path('mount'), clock: fixture.clock, env: {} }));
    await reader.source.close();
    inputs++;
  }
  // Keys also end up where nobody looks for them.
  const stray = await ca.issue();
  svids.push(stray);
  await renameWriter(path('stray')).write(mountFiles.secret(stray, ca));
  for (const text of [
    stray.keyPem.replaceAll('\n', ''),
    stray.keyPem.replace('BEGIN PRIVATE KEY', 'BEGIN PRIVATE  KEY'),
    `${stray.keyPem}${stray.keyPem}`,
    stray.keyPem.slice(28),
    stray.keyPem.replaceAll('-', ''),
  ]) {
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) {
      await renameWriter(path('stray')).write(mountFiles.secret(stray, ca));
      await writeFile(path(`stray/${name}`), text);
      output.push(await open({ directory: path('stray'), wait: 0 }).catch((error: unknown) => error));
      output.push(await inspectMount({ directory: path('stray'), clock: fixture.clock, env: {} }));
    }
  }

  const texts = [
    ...written,
    ...output.flatMap((value) => [
      JSON.stringify(value) ?? '',
      inspect(value, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null }),
      String(value),
    ]),
  ];
  const all = texts.join('\n').replaceAll(/\\n|\n/g, '');
  expect(inputs).toBeGreaterThan(25);
  expect(all.length).toBeGreaterThan(100_000);
  expect(all).toContain('ERR_SVID_KEY_MISMATCH');
  for (const svid of svids) {
    for (const mark of marks(svid))
      expect(all.includes(mark), `found a piece of the key of ${svid.id}`).toBe(false);
  }
});
