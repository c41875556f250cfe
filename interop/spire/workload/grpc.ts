import { Client, type handleUnaryCall, Metadata, Server, type ServiceDefinition } from '@grpc/grpc-js';
import { authorizeId, type X509Source } from '@svidkit/core';
import { createChannelCredentials, createServerCredentials, peerOf, shutdownServer } from '@svidkit/grpc';

import { type Call, type CallReport, type Serve } from './commands.ts';
import { describeError } from './describe-error.ts';

const bytes = (value: Uint8Array): Buffer => Buffer.from(value);

/** The standard health service. Its messages are so small that they are written here. */
const CHECK = {
  path: '/grpc.health.v1.Health/Check',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
} as const;
/** Field 1, `status`: 1, `SERVING`. */
const SERVING: Uint8Array = Uint8Array.of(0x08, 0x01);

/** A health service whose header `peer` has the SPIFFE ID of who asked. */
export async function serveGrpc(
  source: X509Source,
  { authorize }: Serve,
  admitted: (serial: string) => void,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = new Server();
  const check: handleUnaryCall<Uint8Array, Uint8Array> = (call, callback) => {
    const peer = peerOf(call);
    admitted(peer.certificate.serialNumber);
    const header = new Metadata();
    header.set('peer', peer.id.toString());
    call.sendMetadata(header);
    callback(null, SERVING);
  };
  server.addService({ Check: CHECK } satisfies ServiceDefinition, { Check: check });
  const credentials = createServerCredentials(source, { authorize: authorizeId(authorize) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    async close() {
      await shutdownServer(server, { deadlineMs: 1_000 });
    },
  };
}

/** One call over a channel of its own. */
export async function callGrpc(source: X509Source, { target, authorize }: Call): Promise<CallReport> {
  const client = new Client(target, createChannelCredentials(source, { authorize: authorizeId(authorize) }));
  try {
    let peer = '';
    const status = await new Promise<Uint8Array | undefined>((resolve, reject) => {
      const call = client.makeUnaryRequest(
        CHECK.path,
        CHECK.requestSerialize,
        CHECK.responseDeserialize,
        Buffer.alloc(0),
        new Metadata(),
        { deadline: Date.now() + 15_000 },
        (error, value) => (error === null ? resolve(value) : reject(error)),
      );
      call.on('metadata', (header) => {
        peer = String(header.get('peer')[0] ?? '');
      });
    });
    if (status === undefined || !SERVING.every((byte, i) => status[i] === byte)) {
      throw new Error(`the server is not serving: ${Buffer.from(status ?? []).toString('hex')}`);
    }
    // The channel lets no other server answer.
    return { ok: true, answer: JSON.stringify({ peer }), server: authorize };
  } catch (error) {
    // grpc-js has statuses alone: the code of the reason is in their details.
    const message = describeError(error);
    return { ok: false, code: /ERR_[A-Z_]+/.exec(message)?.[0], message };
  } finally {
    client.close();
  }
}
