import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { type Pem } from '../messages.ts';
import { type EndpointName, HOST } from '../topology.ts';

/** How to knock at a door. */
export interface Knock {
  readonly endpoint: EndpointName;
  readonly port: number;
  /** Sent with the request; whoever handles the request reports it. */
  readonly mark: string;
  readonly identity?: Pem | undefined;
  readonly session?: Buffer | undefined;
  readonly maxVersion?: 'TLSv1.2';
  /** Speaks no TLS: the request as it is, or behind noise. */
  readonly plaintext?: 'request' | 'noise' | undefined;
}

/** What came of it. */
export interface KnockResult {
  readonly localPort: number | undefined;
  /** Whether the other end closed the connection. */
  readonly closed: boolean;
  readonly applicationBytes: number;
  /** Whether the request was answered as an admitted peer's is. */
  readonly answered: boolean;
  /** What the server gave for resuming. */
  readonly sessions: readonly Buffer[];
}

const TIMEOUT_MS = 5_000;

/**
 * Opens a connection and sends a marked request at once, behind the last message of the handshake, before the server
 * can have decided. Attempts and their controls all go through here.
 */
export function knock(options: Knock): Promise<KnockResult> {
  return new Promise((resolve) => {
    const http = options.endpoint !== 'ledger-journal';
    const socket = options.plaintext === undefined ? openTls(options) : connectTcp(options.port, HOST);
    const sessions: Buffer[] = [];
    let localPort: number | undefined;
    let answer = '';
    let closed = true;

    if (options.plaintext === 'noise') socket.write(Buffer.alloc(64, 0xff));
    socket.write(http ? httpRequest(options.mark) : `mark ${options.mark}\n`);

    const answered = (): boolean =>
      http ? /^HTTP\/1\.1 200 [^]*\}$/.test(answer) : answer.includes(`mark ${options.mark}\n`);
    socket.once('connect', () => ({ localPort } = socket));
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      // A line protocol does not end by itself.
      if (!http && answered()) socket.end();
    });
    socket.on('session', (session: Buffer) => sessions.push(session));
    socket.on('secureConnect', () => {
      const session = (socket as TLSSocket).getSession();
      if (session !== undefined) sessions.push(session);
    });
    socket.on('error', () => {}); // How it ended is of no interest, only that it did.
    socket.setTimeout(TIMEOUT_MS, () => {
      closed = false;
      socket.destroy();
    });
    socket.once('close', () => {
      // Without TLS, what comes back may be the alert of a TLS server.
      const applicationBytes = options.plaintext === undefined || answered() ? answer.length : 0;
      resolve({ localPort, closed, applicationBytes, answered: answered(), sessions });
    });
  });
}

function openTls({ port, identity, session, maxVersion }: Knock): Socket {
  const options: ConnectionOptions = { host: HOST, port, rejectUnauthorized: false };
  if (identity !== undefined) Object.assign(options, identity);
  if (session !== undefined) options.session = session;
  if (maxVersion !== undefined) options.maxVersion = maxVersion;
  return connect(options);
}

function httpRequest(mark: string): string {
  return `POST /intruder HTTP/1.1\r\nhost: demo\r\nx-mark: ${mark}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`;
}
