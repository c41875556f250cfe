import { spawn } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { type FakeWorkloadApi, startFakeWorkloadApi } from '@svidkit/testkit';
import { afterEach, expect, test } from 'vitest';

let api: FakeWorkloadApi;
afterEach(() => api.close());

/** Opens a source as a user that is nobody, and gives what it said. */
async function diagnosisOfNobody(): Promise<unknown> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@svidkit/source',
      '--disable-warning=ExperimentalWarning',
      resolve(import.meta.dirname, 'open-once.ts'),
      api.address,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk);
  return JSON.parse(text);
}

test.runIf(process.getuid?.() === 0)(
  'permission denied on the directory or on the socket is told apart from all else',
  async () => {
    api = await startFakeWorkloadApi();
    const { socketPath = '' } = api;
    const denied = {
      code: 'ERR_SOURCE_TIMEOUT',
      cause: { code: 'ERR_WORKLOAD_API_PERMISSIONS' },
    };
    expect(await diagnosisOfNobody()).toMatchObject(denied);
    await chmod(dirname(socketPath), 0o755);
    await chmod(socketPath, 0o700);
    expect(await diagnosisOfNobody()).toMatchObject(denied);
    await chmod(socketPath, 0o777);
    expect(await diagnosisOfNobody()).toMatchObject({
      code: 'ERR_SOURCE_TIMEOUT',
      cause: { code: 'ERR_WORKLOAD_API_DENIED' },
    });
  },
);
