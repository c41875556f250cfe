import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { type Duplex } from 'node:stream';
import { type TLSSocket } from 'node:tls';

/** What came of a request; `undefined` when no answer came. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** HTTP/1.1 over one connection that is there already. */
export class Http1Connection {
  readonly #agent: Agent;

  constructor(socket: TLSSocket) {
    this.#agent = new OneConnection(socket);
    socket.on('error', () => {});
  }

  /** Begins a request whose body is given in parts: it is whole when `end` is called. */
  begin(path = '/'): {
    /** Resolves when the server asks for the body: it has the request. Or when it will never ask. */
    readonly asked: Promise<void>;
    write(text: string): void;
    end(text?: string): void;
    readonly answer: Promise<HttpAnswer | undefined>;
  } {
    const outgoing = request({
      agent: this.#agent,
      method: 'POST',
      path,
      host: '127.0.0.1',
      headers: { expect: '100-continue' },
    });
    const asked = new Promise<void>((resolve) => {
      for (const event of ['continue', 'response', 'close']) outgoing.once(event, () => resolve());
    });
    const answer = new Promise<HttpAnswer | undefined>((resolve) => {
      outgoing.once('error', () => resolve(undefined));
      outgoing.once('response', (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.once('error', () => resolve(undefined));
      });
    });
    return {
      asked,
      write: (text) => void outgoing.write(text),
      end: (text = '') => void outgoing.end(text),
      answer,
    };
  }

  /** A whole request. */
  ask(path = '/'): Promise<HttpAnswer | undefined> {
    const asked = this.begin(path);
    asked.end();
    return asked.answer;
  }
}

class OneConnection extends Agent {
  #socket: TLSSocket | undefined;

  constructor(socket: TLSSocket) {
    super({ keepAlive: true, maxSockets: 1 });
    this.#socket = socket;
  }

  override createConnection(): Duplex {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) return socket;
    throw new Error('the connection is used up');
  }
}

/** What came of a call of gRPC. */
export interface GrpcAnswer {
  /** The status that it ended with; undefined when it ended without one. */
  readonly status: number | undefined;
  /** The text in field 1 of the message; undefined without a message. */
  readonly peer: string | undefined;
}

/** The method that says who calls. */
const PEER_METHOD = '/spiffe.conformance.v1.Peer/Get';
const EMPTY_MESSAGE = Buffer.alloc(5);

/** Several calls of gRPC at once over one connection: each asks whom it is taken for. */
export async function askGrpc(socket: TLSSocket, count: number): Promise<readonly GrpcAnswer[]> {
  const session = connectHttp2('https://127.0.0.1', { createConnection: () => socket });
  session.on('error', () => {});
  const answers = await Promise.all(
    Array.from({ length: count }, async (): Promise<GrpcAnswer> => {
      const stream = session.request({
        ':method': 'POST',
        ':path': PEER_METHOD,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      let status: number | undefined;
      const chunks: Buffer[] = [];
      const read = (headers: IncomingHttpHeaders): void => {
        const given = headers['grpc-status'];
        if (typeof given === 'string') status = Number(given);
      };
      stream.on('error', () => {});
      // An answer without a message has its status in the one block of headers that there is.
      stream.once('response', read).once('trailers', read);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.end(EMPTY_MESSAGE);
      await once(stream, 'close').catch(() => {});
      return { status, peer: textOfField1(Buffer.concat(chunks)) };
    }),
  );
  session.destroy();
  return answers;
}

/** The first field of the one message, which is short and has no other. */
function textOfField1(framed: Buffer): string | undefined {
  const [tag, length = 0] = framed.subarray(EMPTY_MESSAGE.length);
  const begin = EMPTY_MESSAGE.length + 2;
  return tag === 0x0a && length < 0x80 ? framed.subarray(begin, begin + length).toString('utf8') : undefined;
}

/** Several requests at once over one HTTP/2 connection, each answered or not. */
export async function askHttp2(
  socket: TLSSocket,
  paths: readonly string[],
): Promise<readonly (HttpAnswer | undefined)[]> {
  const session = connectHttp2('https://127.0.0.1', { createConnection: () => socket });
  session.on('error', () => {});
  const answers = await Promise.all(
    paths.map(async (path): Promise<HttpAnswer | undefined> => {
      const stream = session.request({ ':path': path });
      let status = 0;
      let body = '';
      stream.on('error', () => {});
      stream.once('response', (headers) => (status = headers[':status'] ?? 0));
      stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      stream.end();
      await once(stream, 'close').catch(() => {});
      return status === 0 ? undefined : { status, body };
    }),
  );
  session.destroy();
  return answers;
}
