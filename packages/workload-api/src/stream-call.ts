import { isIP } from 'node:net';

import { Client, Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';

import { type EndpointAddress } from './address.ts';
import { type CallStatus, type Endpoint } from './endpoint.ts';
import { methodPath, SECURITY_HEADER_VALUE, type WorkloadApiMethod } from './protocol/methods.ts';

/** The other side is asked whether it is there; the call ends when it does not answer. */
interface Liveness {
  /** Milliseconds between two questions. Servers of gRPC take it for abuse to be asked more than once in five minutes. */
  readonly everyMs: number;
  /** Milliseconds for an answer. */
  readonly answerMs: number;
}

const LIVENESS: Liveness = { everyMs: 600_000, answerMs: 30_000 };

/** One call. */
export interface StreamCall {
  readonly endpoint: Endpoint;
  readonly method: WorkloadApiMethod;
  /** The request message, encoded. */
  readonly request: Uint8Array;
  readonly maxMessageBytes: number;
  /** How it is noticed that the other side hangs. @default { everyMs: 600000, answerMs: 30000 } */
  readonly liveness?: Liveness;
  /** Cancels the call. */
  readonly signal: AbortSignal;
  /** Takes each response message, not decoded yet. What it throws cancels the call and comes out of it. */
  readonly onMessage: (bytes: Uint8Array) => void;
}

/**
 * Makes a call on a connection of its own and gives the status that it ended with, be it the server's or, after an
 * abort, our own `CANCELLED`. A call with a single response is a stream of one message on the wire, so this serves
 * all methods. Responses are handed over undecoded: a decoder inside gRPC would end the stream with the first bad one.
 *
 * @throws what `onMessage` threw.
 */
export async function streamCall(options: StreamCall): Promise<CallStatus> {
  const { endpoint, method, request, signal, onMessage } = options;
  // A connection for each call: none waits for the back-off of another, and none outlives its call.
  const client = openChannel(options);
  const metadata = new Metadata();
  metadata.set(endpoint.securityHeader, SECURITY_HEADER_VALUE);
  let thrown: { readonly error: unknown } | undefined;
  const call = client.makeServerStreamRequest(
    methodPath(method),
    (bytes: Uint8Array) => Buffer.from(bytes),
    (bytes: Buffer) => bytes,
    request,
    metadata,
  );
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    const status = await new Promise<StatusObject>((resolve) => {
      call.on('data', (bytes: Buffer) => {
        if (signal.aborted || thrown !== undefined) return;
        try {
          onMessage(bytes);
        } catch (error) {
          thrown = { error };
          cancel();
        }
      });
      call.on('error', () => undefined); // The status says the same.
      call.on('status', resolve);
    });
    if (thrown !== undefined) throw thrown.error;
    return complete(status);
  } finally {
    signal.removeEventListener('abort', cancel);
    client.close();
  }
}

/** Of a message that it cannot unpack, gRPC ends the call with a status that lacks both code and details. */
function complete({ code, details, metadata }: Partial<StatusObject>): CallStatus {
  return {
    code: code ?? Status.INTERNAL,
    details: details ?? 'a message could not be unpacked',
    metadata: metadata ?? new Metadata(),
  };
}

function openChannel({ endpoint, maxMessageBytes, liveness = LIVENESS }: StreamCall): Client {
  return new Client(targetOf(endpoint.address), endpoint.credentials, {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.keepalive_time_ms': liveness.everyMs,
    'grpc.keepalive_timeout_ms': liveness.answerMs,
    // One that has failed connects again when its own pause is over, also after it was closed, and nobody would ever end
    // that connection. With the shortest pause it is over before the failure is.
    'grpc.initial_reconnect_backoff_ms': 1,
    'grpc.max_reconnect_backoff_ms': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
  });
}

function targetOf(address: EndpointAddress): string {
  if (address.scheme === 'unix') return `unix://${address.path}`;
  const { host, port } = address;
  if (isIP(host) === 0) return `dns:${host}:${port}`;
  return host.includes(':') ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
}
