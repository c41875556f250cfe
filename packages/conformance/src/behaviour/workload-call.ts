import { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';

/** The statuses of gRPC that the kit answers with. */
export const STATUS = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  unimplemented: 12,
  unavailable: 14,
} as const;

const FRAME_HEAD_BYTES = 5;

/** One call of the Workload API that came in. It does what it is told, right or wrong. */
export class WorkloadCall {
  /** The metadata, with what HTTP/2 adds. */
  readonly headers: IncomingHttpHeaders;
  /** The request, without what gRPC puts around it. */
  readonly request: Buffer;
  /** When it came, in milliseconds since some instant. */
  readonly at: number = performance.now();
  readonly #stream: ServerHttp2Stream;
  readonly #sent: (message: Uint8Array) => void;
  #trailers: Readonly<Record<string, string | number>> = {};

  /** @param sent - hears each message before it goes. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    request: Buffer,
    sent: (message: Uint8Array) => void = () => {},
  ) {
    this.#sent = sent;
    this.#stream = stream;
    this.headers = headers;
    this.request = request;
    stream.on('wantTrailers', () => stream.sendTrailers({ ...this.#trailers }));
  }

  /** Whether more can be said. */
  get isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.writableEnded;
  }

  /** Begins the answer, unless it has begun. */
  begin(status = 200, contentType = 'application/grpc'): void {
    if (!this.#stream.headersSent && this.isOpen) {
      this.#stream.respond({ ':status': status, 'content-type': contentType }, { waitForTrailers: true });
    }
  }

  /** Sends a message. */
  send(message: Uint8Array): void {
    this.#sent(message);
    this.write(framed(message));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.begin();
    if (this.isOpen) this.#stream.write(bytes);
  }

  /** Ends the answer with a status. */
  end(status: number = STATUS.ok, message = ''): void {
    this.#trailers = statusOf(status, message);
    this.endWithoutStatus();
  }

  /** Ends the answer without the status that gRPC wants. */
  endWithoutStatus(): void {
    this.begin();
    if (this.isOpen) this.#stream.end();
  }

  /** Answers with a status and nothing else, in one frame. */
  refuse(status: number, message = ''): void {
    if (this.#stream.headersSent || !this.isOpen) return this.end(status, message);
    const headers = { ':status': 200, 'content-type': 'application/grpc', ...statusOf(status, message) };
    this.#stream.respond(headers, { endStream: true });
  }

  /** Breaks the stream off. The code is one of HTTP/2. */
  reset(code: number): void {
    this.#stream.close(code);
  }

  /** Says that the connection takes no more calls. */
  goAway(): void {
    this.#stream.session?.goaway();
  }
}

/** A message with what gRPC puts around it. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** What is in the one message that a client sends. */
export function unframed(bytes: Buffer): Buffer {
  return bytes.subarray(FRAME_HEAD_BYTES);
}

function statusOf(status: number, message: string): Readonly<Record<string, string | number>> {
  return { 'grpc-status': status, ...(message === '' ? {} : { 'grpc-message': message }) };
}
