import { stat } from 'node:fs/promises';
import { connect } from 'node:net';

import { type EndpointAddress } from './address.ts';

/** What is at an address: something that takes connections, or the error of the operating system. */
export type ProbeResult = 'listening' | 'not-a-socket' | (string & {});

const PATIENCE_MS = 1_000;

/**
 * Finds out why there is no connection, since gRPC says only that there is none: connects, and hangs up at once.
 * Never rejects.
 */
export async function probeAddress(address: EndpointAddress): Promise<ProbeResult> {
  if (address.scheme === 'unix') {
    try {
      const found = await stat(address.path);
      if (!found.isSocket()) return 'not-a-socket';
    } catch (error) {
      return errnoOf(error);
    }
  }
  return new Promise((resolve) => {
    const socket = connect(address.scheme === 'unix' ? { path: address.path } : address);
    const end = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end('listening'));
    // Stays for what may come after it was destroyed.
    socket.on('error', (error) => end(errnoOf(error)));
    socket.setTimeout(PATIENCE_MS, () => end('ETIMEDOUT'));
  });
}

function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}
