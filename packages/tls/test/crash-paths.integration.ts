import { afterEach, expect, it } from 'vitest';

import { closeAll } from './fixtures.ts';
import { runChild } from './run-child.ts';

afterEach(closeAll);

it('trap: destroyed sockets end no process, neither by an uncaught error nor by a native abort', async () => {
  const { code, signal, stdout, stderr } = await runChild('crash-paths.ts');

  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    'connectTls to a rejecting server': 'failed',
    'createHttpsAgent to a rejecting server': 'failed',
    'tlsClientOptions with tls.connect to a rejecting server': 'failed',
    'tlsClientOptions with https.request to a rejecting server': 'failed',
    'agent to a rejecting server': 'failed',
    'http2 over connectTls to a rejecting server': 'failed',
    'http2 over connectTls to an accepting server': 'succeeded',
    'http2 with tlsClientOptions to an impostor': 'failed',
    'http2 with tlsClientOptions to an honest server': 'succeeded',
    'http2 with tlsClientOptions to an unwanted server': 'failed',
    'live http2, authority removed': 'failed',
    'live http2, source closed': 'failed',
    'reset after the handover': 'survived',
    'an application that talks to rejected clients': 'nothing was said',
    'a client that gives up': 'survived',
  });
});

it('trap: connections that are reset before the first gate of the process is proven end no process', async () => {
  const { code, signal, stdout, stderr } = await runChild('early-reset.ts');

  expect({ code, signal, stderr, stdout }).toEqual({ code: 0, signal: null, stderr: '', stdout: 'peer=\n' });
});

it('trap: a chain with a public key that Node.js cannot describe ends no process', async () => {
  const { code, signal, stdout, stderr } = await runChild('strange-keys.ts');

  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  const { checks, problems } = JSON.parse(stdout) as { checks: number; problems: string[] };
  expect(problems).toEqual([]);
  expect(checks).toBeGreaterThan(200);
});
