import { once } from 'node:events';
import { type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { isObject, type JsonObject, parseJson, textMember } from '../json.ts';
import { presentedBy, sha256 } from './fingerprints.ts';

/** What somebody presents: PEM. */
export interface Credential {
  readonly certPem: string;
  readonly keyPem: string;
}

/** How the kit dials an implementation. */
export interface DialOptions {
  readonly port: number;
  /** Undefined: without a certificate. */
  readonly as: Credential | undefined;
  /** How long to wait for a word, in milliseconds. */
  readonly patienceMs: number;
  /** Sent as soon as the handshake is over on this side. */
  readonly send?: string;
  /** Of node:tls: versions, server name, ALPN, a session to resume. */
  readonly tls?: Pick<
    ConnectionOptions,
    'minVersion' | 'maxVersion' | 'servername' | 'ALPNProtocols' | 'session'
  >;
}

/** How it went. Only a word of the application is a yes: under TLS 1.3 a handshake seems good before it is judged. */
export type Dialled =
  | {
      readonly kind: 'admitted';
      /** What the server said first. */
      readonly said: JsonObject;
      readonly socket: TLSSocket;
      /** The SHA-256 of what the server presented, leaf first. */
      readonly chain: readonly string[];
      /** What came after the first line. */
      readonly reader: LineReader;
      readonly resumed: boolean;
      /** The latest session that the server gave; undefined when it gave none. */
      readonly session: () => Buffer | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly detail: string;
      readonly bytes: number;
      readonly chain: readonly string[];
    }
  /** Neither a word nor an end. */
  | { readonly kind: 'silent' };

/** What the end of the other side looks like; anything else is of our own making. */
const REMOTE = /^(?:ECONNRESET|ECONNREFUSED|EPIPE|ECONNABORTED|ERR_SSL_.*ALERT.*)$/;

/** Lines as they come. */
class LineReader {
  readonly #socket: Socket;
  #text = '';
  #bytes = 0;
  #isOver = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#text += chunk.toString('utf8');
      this.#wake();
    });
    for (const event of ['end', 'close', 'error'] as const) {
      socket.once(event, () => {
        this.#isOver = true;
        this.#wake();
      });
    }
  }

  /** How many bytes have come. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next line; undefined when the connection ended before it; `silent` when nothing happens. */
  async next(patienceMs: number): Promise<string | undefined | { readonly silent: true }> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, patienceMs, false);
    const look = (): void => {
      if (this.#text.includes('\n') || this.#isOver || this.#socket.destroyed) resolve(true);
    };
    this.#wake = look;
    look();
    const came = await promise;
    clearTimeout(timer);
    this.#wake = () => {};
    const end = this.#text.indexOf('\n');
    if (end === -1) return came ? undefined : { silent: true };
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}

/** Connects over TLS. The kit trusts whoever it dials: it looks, and others judge. */
export async function openTls(
  options: Omit<DialOptions, 'send'>,
): Promise<{ readonly socket: TLSSocket; readonly failure: () => string | undefined }> {
  const { port, as, tls = {} } = options;
  const socket = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    // What is offered may be weak on purpose.
    ciphers: 'DEFAULT@SECLEVEL=0',
    ...(as === undefined ? {} : { cert: as.certPem, key: as.keyPem }),
    ...tls,
  });
  let failure: string | undefined;
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = `${error.code ?? 'error'}: ${error.message}`;
    if (!REMOTE.test(error.code ?? '')) failure = `own ${failure}`;
  });
  const timer = setTimeout(() => socket.destroy(), options.patienceMs);
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => {});
  clearTimeout(timer);
  return { socket, failure: () => failure };
}

/** Dials a `line` server and waits for its first word, or for the end. */
export async function dial(options: DialOptions): Promise<Dialled> {
  const { patienceMs, send } = options;
  const { socket, failure } = await openTls(options);
  const session = sessionsOf(socket);
  const reader = new LineReader(socket);
  const chain = socket.destroyed ? [] : presentedBy(socket).map((der) => sha256(der));
  if (send !== undefined && !socket.destroyed) socket.write(send);
  const line = await reader.next(patienceMs);
  if (typeof line === 'object') {
    socket.destroy();
    return { kind: 'silent' };
  }
  if (line === undefined) {
    socket.destroy();
    const detail = failure() ?? 'the end of the connection';
    return { kind: 'refused', detail, bytes: reader.bytes, chain };
  }
  const said = readSaid(line);
  return { kind: 'admitted', said, socket, chain, reader, resumed: socket.isSessionReused(), session };
}

/** Whether a refusal was ours: the kit could not offer what it wanted to. */
export function isOwnFailure({ detail }: { readonly detail: string }): boolean {
  return detail.startsWith('own ');
}

/** Whom a server took us for. */
function readSaid(line: string): JsonObject {
  try {
    const value = parseJson(line);
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  return { line };
}

/** The name that it said. */
export function saidPeer(said: JsonObject): string {
  return textMember(said, 'peer');
}

function sessionsOf(socket: TLSSocket): () => Buffer | undefined {
  let latest: Buffer | undefined;
  socket.on('session', (session: Buffer) => (latest = session));
  // Under TLS 1.2 it is there with the handshake, under TLS 1.3 it comes after it.
  return () => latest ?? (socket.getProtocol() === 'TLSv1.2' ? socket.getSession() : undefined);
}
