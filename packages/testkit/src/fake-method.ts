import { constants, type ServerHttp2Stream } from 'node:http2';

import {
  decodeMessage,
  type DescMessage,
  encodeMessage,
  type MessageInitShape,
  type MessageShape,
  type WorkloadApiMethod,
} from '@svidkit/workload-api/protocol';

import { Barrier } from './barrier.ts';
import { errorInfo } from './error-info.ts';
import { grpcFrame } from './grpc-frame.ts';
import { peerIdOf } from './peer-id-of.ts';

/** What gRPC ends a call with. */
export interface FakeStatus {
  /** The number of the status: 7 is PERMISSION_DENIED. */
  readonly code: number;
  readonly details?: string;
  /** The reason beside it, in a `google.rpc.ErrorInfo` of domain `spiffe.io`: `WORKLOAD_NOT_FOUND`. Default: none. */
  readonly reason?: string;
}

/** A call that the fake got. */
export interface FakeCall<Request> {
  /** All metadata of the request, by name in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly request: Request;
  /** The SPIFFE ID that the client proved; undefined without TLS. */
  readonly peer: string | undefined;
}

/** A message, bytes in its place (which need not be one), or the status to refuse with. */
export type FakeAnswer<Output extends DescMessage> =
  | MessageInitShape<Output>
  | Uint8Array
  | { readonly status: FakeStatus };

/**
 * One method of a fake Workload API or broker. What it is told counts for the calls that are open and for those that come later,
 * except where it says otherwise. At first it refuses with PERMISSION_DENIED, as an agent does that has no registration.
 */
export class FakeMethod<Input extends DescMessage, Output extends DescMessage> {
  readonly #method: WorkloadApiMethod<Input, Output>;
  readonly #open = new Map<ServerHttp2Stream, MessageShape<Input>>();
  readonly #calls: FakeCall<MessageShape<Input>>[] = [];
  readonly #called = new Barrier();
  readonly #left = new Barrier();
  #behave: (stream: ServerHttp2Stream, request: MessageShape<Input>) => void;

  /** @internal Use `startFakeWorkloadApi` or `startFakeBroker`. */
  constructor(
    method: WorkloadApiMethod<Input, Output>,
    status: FakeStatus = { code: 7, details: 'no identity issued' },
  ) {
    this.#method = method;
    this.#behave = refusal(status);
  }

  /** The calls so far, the first one first. */
  get calls(): readonly FakeCall<MessageShape<Input>>[] {
    return [...this.#calls];
  }

  /** How many calls are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** Resolves when there have been `count` calls since the fake started. */
  called(count: number): Promise<void> {
    return this.#called.reached(count);
  }

  /** Resolves when `count` calls have ended since the fake started, whoever ended them. */
  ended(count: number): Promise<void> {
    return this.#left.reached(count);
  }

  /** Answers with `answer`; a stream gets it as its next message, a call with one response ends with it. */
  send(answer: FakeAnswer<Output> | ((request: MessageShape<Input>) => FakeAnswer<Output>)): void {
    const answerTo = typeof answer === 'function' ? answer : (): FakeAnswer<Output> => answer;
    this.#behave = (stream, request) => {
      const given = answerTo(request);
      if (isRefusal(given)) refuse(stream, given.status);
      else if (given instanceof Uint8Array) this.#write(stream, given);
      else this.#write(stream, encodeMessage(this.#method.output, given));
    };
    for (const [stream, request] of this.#open) this.#behave(stream, request);
  }

  /** Ends the open calls with this status, and refuses those that come with it. */
  refuse(code: number, details = '', reason?: string): void {
    const status = { code, details, ...(reason === undefined ? {} : { reason }) };
    this.#behave = refusal(status);
    for (const stream of this.#open.keys()) finish(stream, status);
  }

  /** Does not answer the calls that come, until it is told something else. */
  silence(): void {
    this.#behave = () => undefined;
  }

  /** Ends the open calls, in good order by default; calls that come later are answered as before. */
  end(code = 0, details = ''): void {
    for (const stream of this.#open.keys()) finish(stream, { code, details });
  }

  /** Ends the open calls without any status, as a server does that dies in the middle of an answer. */
  halfClose(): void {
    for (const stream of this.#open.keys()) {
      start(stream);
      stream.removeAllListeners('wantTrailers');
      stream.on('wantTrailers', () => stream.close());
      stream.end();
    }
  }

  /** Resets the open calls on the level of HTTP/2. */
  reset(): void {
    for (const stream of this.#open.keys()) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** Puts these very bytes on the open calls: half a frame, or anything else that is no message. */
  sendRaw(bytes: Uint8Array): void {
    for (const stream of this.#open.keys()) {
      start(stream);
      stream.write(bytes);
    }
  }

  /** @internal What an endpoint serves. */
  get served(): {
    readonly method: WorkloadApiMethod;
    readonly handle: FakeMethod<Input, Output>['handle'];
  } {
    return { method: this.#method, handle: (...call) => this.handle(...call) };
  }

  /** @internal */
  handle(stream: ServerHttp2Stream, metadata: Readonly<Record<string, string>>, bytes: Uint8Array): void {
    let request: MessageShape<Input>;
    try {
      request = decodeMessage(this.#method.input, bytes);
    } catch {
      return refuse(stream, { code: 13, details: 'the request is no such message' });
    }
    this.#open.set(stream, request);
    stream.once('close', () => {
      this.#open.delete(stream);
      this.#left.step();
    });
    this.#calls.push(Object.freeze({ metadata, request, peer: peerIdOf(stream) }));
    this.#called.step();
    this.#behave(stream, request);
  }

  #write(stream: ServerHttp2Stream, message: Uint8Array): void {
    start(stream);
    stream.write(grpcFrame(message));
    if (this.#method.methodKind === 'unary') finish(stream, { code: 0 });
  }
}

/** Ends a call that nothing was sent on with a status. */
export function refuse(stream: ServerHttp2Stream, status: FakeStatus): void {
  finish(stream, status);
}

function refusal(status: FakeStatus): (stream: ServerHttp2Stream) => void {
  return (stream) => refuse(stream, status);
}

function start(stream: ServerHttp2Stream): void {
  if (stream.headersSent || stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
}

function finish(stream: ServerHttp2Stream, status: FakeStatus): void {
  if (stream.destroyed || stream.writableEnded) return;
  const trailers = {
    'grpc-status': String(status.code),
    'grpc-message': encodeURIComponent(status.details ?? ''),
    ...(status.reason === undefined ? {} : { 'grpc-status-details-bin': errorInfo(status, status.reason) }),
  };
  if (!stream.headersSent) {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc+proto', ...trailers },
      { endStream: true },
    );
    return;
  }
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}

function isRefusal<Output extends DescMessage>(
  answer: FakeAnswer<Output>,
): answer is { readonly status: FakeStatus } {
  return 'status' in answer && typeof answer.status === 'object';
}
