import { randomBytes } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';

import { SpiffeError } from '@svidkit/core';

import { interceptEmit } from './intercept-emit.ts';

/** Whether the gate is known to work on this Node. */
export interface GateProof {
  state: 'running' | 'proven' | 'failed';
  /** Resolves when proven; rejects with `ERR_CONFIG_RUNTIME` when it is not. */
  readonly settled: Promise<void>;
}

const PROOF_TIMEOUT_MS = 10_000;
let proof: GateProof | undefined;

/**
 * Proves once per process, by a handshake in memory, that an intercepted `secureConnection` reaches no listener, whether
 * added before, after or in front. Gated servers hold their connections until then and refuse all if it fails.
 */
export function gateProof(): GateProof {
  if (proof !== undefined) return proof;
  const running: GateProof = { state: 'running', settled: prove() };
  running.settled.then(
    () => (running.state = 'proven'),
    () => (running.state = 'failed'),
  );
  proof = running;
  return running;
}

async function prove(): Promise<void> {
  // A pre-shared key of this one handshake: no certificate is needed, and no byte leaves this process.
  const psk = randomBytes(32);
  const suite: SecureContextOptions = { ciphers: 'PSK-AES256-GCM-SHA384', maxVersion: 'TLSv1.2', ca: [] };
  const server = createServer({ ...suite, pskCallback: () => psk });
  let leaked = false;
  const leak = (): void => {
    leaked = true;
  };
  server.on('secureConnection', leak);
  const seen = new Promise<TLSSocket>((resolve) => {
    interceptEmit(server, (event, args, pass) => {
      if (event !== 'secureConnection') return pass();
      resolve(args[0] as TLSSocket);
      return true;
    });
  });
  server.prependListener('secureConnection', leak);
  server.on('secureConnection', leak);

  const [ours, theirs] = duplexPair();
  server.emit('connection', ours);
  const client = connect({
    ...suite,
    socket: theirs,
    pskCallback: () => ({ psk, identity: 'gate' }),
    checkServerIdentity: () => undefined,
  });
  client.on('error', () => {});
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PROOF_TIMEOUT_MS, undefined);
      timer.unref();
    });
    const socket = await Promise.race([seen, late]);
    // Listeners run in the same turn as the emit; one more turn catches anything put off.
    await new Promise((resolve) => setImmediate(resolve));
    if (socket === undefined || leaked) {
      throw new SpiffeError(
        'ERR_CONFIG_RUNTIME',
        `this Node.js (${process.version}) lets connections past the gate`,
        {
          hint: 'Use a Node.js line that svidkit is tested on: 22.22, 24 or 26.',
        },
      );
    }
    socket.destroy();
  } finally {
    clearTimeout(timer);
    client.destroy();
    ours.destroy();
    theirs.destroy();
  }
}
