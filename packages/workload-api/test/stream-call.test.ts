import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { status as Status } from '@grpc/grpc-js';
import { expect, onTestFinished, test } from 'vitest';

import { parseAddress } from '../src/address.ts';
import { SpiffeWorkloadAPI } from '../src/gen/workload_pb.ts';
import { encodeMessage } from '../src/protocol/message-bytes.ts';
import { streamCall } from '../src/stream-call.ts';
import { workloadApiAt } from '../src/workload-api-endpoint.ts';
import { answer, startFake } from './fixture.ts';

const { fetchX509SVID } = SpiffeWorkloadAPI.method;

/** Passes connections on, until it is told to hang: then they stay, and nothing goes through. */
async function startRelay(to: string): Promise<{ readonly address: string; hang(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-'));
  const path = join(directory, 'api.sock');
  const sockets = new Set<Socket>();
  let isHanging = false;
  const server = createServer((near) => {
    const far = connect(to.slice('unix://'.length));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('data', (bytes) => {
        if (!isHanging) other.write(bytes);
      });
      one.once('close', () => other.destroy());
    }
  });
  server.listen(path);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    address: `unix://${path}`,
    hang() {
      isHanging = true;
    },
  };
}

test('a connection whose other side hangs ends, and one whose other side is only silent does not', async () => {
  const api = await startFake();
  api.fetchX509Svid.send(await answer(['/web']));
  const relay = await startRelay(api.address);
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const open = (address: string, answerMs: number, onMessage: () => void) =>
    streamCall({
      endpoint: workloadApiAt(parseAddress(address, 'a test')),
      method: fetchX509SVID,
      request: encodeMessage(fetchX509SVID.input, {}),
      maxMessageBytes: 1_000_000,
      // Asked again and again, as it would be in hours.
      liveness: { everyMs: 50, answerMs },
      signal: ended.signal,
      onMessage,
    });
  let messages = 0;
  const { promise: both, resolve } = Promise.withResolvers<void>();
  const onMessage = (): void => {
    messages += 1;
    if (messages === 2) resolve();
  };
  let isOver = false;
  const quiet = open(api.address, 30_000, onMessage).finally(() => {
    isOver = true;
  });
  const hung = open(relay.address, 1_000, onMessage);
  await both;

  relay.hang();
  expect((await hung).code).toBe(Status.UNAVAILABLE);
  expect(isOver).toBe(false);
  ended.abort();
  expect((await quiet).code).toBe(Status.CANCELLED);
});
