import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

import { type Identity, listen } from './fixtures.ts';

/** A server of a few lines that takes any client, and every byte that it got. */
export interface Endpoint {
  readonly port: number;
  /** What clients sent in the clear. */
  clear: string;
  /** What clients sent over TLS. */
  sent: string;
  /** The serial numbers of the clients' certificates, in order. */
  readonly serials: string[];
  /** What clients did that they must not. */
  readonly complaints: string[];
  /** Resolves when a client was connected and none is any more. */
  readonly deserted: Promise<void>;
  /** Ends all connections. */
  hangUp(): void;
}

/** The server's end of one connection. */
export class Conversation {
  readonly endpoint: Endpoint;
  readonly #identity: Identity;
  #socket: Socket;
  #secured = false;

  constructor(owner: Endpoint, identity: Identity, socket: Socket) {
    this.endpoint = owner;
    this.#identity = identity;
    this.#socket = socket;
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  /** Exactly `length` bytes, or whatever comes next. */
  async read(length?: number): Promise<Buffer> {
    const held: Buffer[] = [];
    for (;;) {
      // All there is: whoever leaves something is told at once that there is something, for ever.
      const bytes: unknown = this.#socket.read();
      if (Buffer.isBuffer(bytes)) held.push(bytes);
      const all = Buffer.concat(held);
      if (all.length >= (length ?? 1)) {
        const wanted = all.subarray(0, length);
        if (wanted.length < all.length) this.#socket.unshift(all.subarray(wanted.length));
        if (this.#secured) this.endpoint.sent += wanted.toString('latin1');
        else this.endpoint.clear += wanted.toString('latin1');
        return wanted;
      }
      if (Buffer.isBuffer(bytes)) continue;
      if (this.#socket.destroyed || this.#socket.readableEnded) throw new Error('the client is gone');
      await change(this.#socket);
    }
  }

  /** Speaks TLS from here on. */
  async secure(): Promise<void> {
    const { certPem, keyPem } = this.#identity;
    const socket = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: createSecureContext({ cert: certPem, key: keyPem, ca: [] }),
      requestCert: true,
      rejectUnauthorized: false,
    });
    socket.on('error', () => socket.destroy());
    this.#socket = socket;
    await once(socket, 'secure');
    this.endpoint.serials.push(socket.getPeerX509Certificate()?.serialNumber.toLowerCase() ?? 'none');
    this.#secured = true;
  }
}

/** Resolves when there is more to read, or nothing any more. */
function change(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('readable', done).off('close', done);
      resolve();
    };
    socket.on('readable', done).on('close', done);
  });
}

/** Starts an endpoint; `converse` speaks with each client, until it or the client is gone. */
export async function endpoint(
  identity: Identity,
  converse: (conversation: Conversation) => Promise<void>,
): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  const deserted = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) deserted.resolve();
    });
    converse(new Conversation(made, identity, socket)).catch(() => socket.destroy());
  });
  const made: Endpoint = {
    port: await listen(server),
    clear: '',
    sent: '',
    serials: [],
    complaints: [],
    deserted: deserted.promise,
    hangUp: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
  return made;
}

/** PostgreSQL: lets anyone in, and answers each query as if it were empty. `answer` is what it says to SSLRequest. */
export function postgres(answer: Buffer | string = 'S'): (conversation: Conversation) => Promise<void> {
  return async (conversation) => {
    await conversation.read(8);
    conversation.write(answer);
    // Not to an answer that no client may accept: what it says next is kept as it comes.
    if (answer !== 'S') for (;;) await conversation.read();
    await conversation.secure();
    const length = (await conversation.read(4)).readUInt32BE();
    await conversation.read(length - 4);
    // AuthenticationOk, BackendKeyData, ReadyForQuery.
    conversation.write(Buffer.from('5200000008000000004b0000000c00000001000000025a0000000549', 'hex'));
    for (;;) {
      const [kind, ...size] = await conversation.read(5);
      await conversation.read(Buffer.from(size).readUInt32BE() - 4);
      if (kind === 0x58) return conversation.end();
      // EmptyQueryResponse, ReadyForQuery.
      conversation.write(Buffer.from('49000000045a0000000549', 'hex'));
    }
  };
}

/** What a MySQL endpoint does otherwise than a plain one. */
export interface MysqlBehaviour {
  /** Whether its greeting offers TLS. Default: yes. */
  readonly offersTls?: boolean;
  /** What follows the greeting at once. */
  readonly behindGreeting?: string;
  /** The whole of what it says, in place of a greeting. */
  readonly insteadOfGreeting?: Buffer;
  /** Asks for caching_sha2_password: with the hash that it knows, or for the password itself. */
  readonly sha2?: 'known' | 'full';
  /** Sends its greeting and its part of the login byte by byte. */
  readonly slowly?: boolean;
  /** The password to expect. */
  readonly password?: string;
}

const SSL = 0x0800;
const NONCE = Buffer.from('abcdefghijklmnopqrst');

/** MySQL 8: checks sequence numbers and capabilities as servers do, and answers each query with OK. */
export function mysql(behaviour: MysqlBehaviour = {}): (conversation: Conversation) => Promise<void> {
  const { offersTls = true, behindGreeting = '', insteadOfGreeting, sha2, slowly, password = '' } = behaviour;
  return async (conversation) => {
    const { complaints } = conversation.endpoint;
    const packet = async (wanted: number): Promise<Buffer> => {
      const header = await conversation.read(4);
      if (header[3] !== wanted) complaints.push(`want packet ${wanted}, got ${header[3]}`);
      return conversation.read(header.readUIntLE(0, 3));
    };
    const send = async (whole: Buffer): Promise<void> => {
      if (slowly !== true) return conversation.write(whole);
      for (const byte of whole) {
        conversation.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    if (insteadOfGreeting !== undefined) {
      conversation.write(insteadOfGreeting);
      for (;;) await conversation.read();
    }
    await send(Buffer.concat([framed(0, greeting(offersTls)), Buffer.from(behindGreeting)]));
    if (!offersTls || behindGreeting !== '') for (;;) await conversation.read();
    const request = await packet(1);
    if (request.length !== 32) complaints.push(`want an SSLRequest of 32 bytes, got ${request.length}`);
    if ((request.readUInt32LE() & SSL) === 0) complaints.push('want CLIENT_SSL in the SSLRequest');
    await conversation.secure();
    const response = await packet(2);
    if (!response.subarray(0, 32).equals(request)) complaints.push('want what the SSLRequest said');
    let sequence = 3;
    if (sha2 !== undefined) {
      const name = Buffer.from('caching_sha2_password\0');
      await send(framed(sequence++, Buffer.concat([Buffer.from([0xfe]), name, NONCE, Buffer.from([0])])));
      const token = await packet(sequence++);
      if (!token.equals(sha2Token(password))) complaints.push('want the hash of the password');
      await send(framed(sequence++, Buffer.from([1, sha2 === 'known' ? 3 : 4])));
      if (sha2 === 'full') {
        const given = (await packet(sequence++)).toString();
        if (given !== `${password}\0`) complaints.push(`want the password, got ${JSON.stringify(given)}`);
      }
    }
    await send(framed(sequence, OK));
    for (;;) {
      await packet(0);
      conversation.write(framed(1, OK));
    }
  };
}

/** No rows, no warnings, autocommit. */
const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

/** A packet of the MySQL protocol. */
export function framed(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

function greeting(offersTls: boolean): Buffer {
  // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_WITH_DB, LONG_PASSWORD, and TLS.
  const capabilities = 0x0200 | 0x8000 | 0x80000 | 0x8 | 0x1 | (offersTls ? SSL : 0);
  const low = Buffer.alloc(2);
  const high = Buffer.alloc(2);
  low.writeUInt16LE(capabilities & 0xffff);
  high.writeUInt16LE(capabilities >>> 16);
  return Buffer.concat([
    Buffer.from('\u000a8.4.0\0', 'latin1'),
    Buffer.from([7, 0, 0, 0]),
    NONCE.subarray(0, 8),
    Buffer.from([0]),
    low,
    Buffer.from([45, 2, 0]),
    high,
    Buffer.from([21]),
    Buffer.alloc(10),
    NONCE.subarray(8),
    Buffer.from('\0caching_sha2_password\0'),
  ]);
}

function sha2Token(password: string): Buffer {
  const hash = sha256(Buffer.from(password));
  const mask = sha256(Buffer.concat([sha256(sha256(hash)), NONCE]));
  return Buffer.from(hash.map((byte, i) => byte ^ (mask[i] ?? 0)));
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** Redis: says OK to whatever comes. */
export async function redis(conversation: Conversation): Promise<void> {
  await conversation.secure();
  for (;;) {
    await conversation.read();
    conversation.write('+OK\r\n');
  }
}

/** NATS: demands TLS, or says that it has none. */
export function nats(tls = true): (conversation: Conversation) => Promise<void> {
  return async (conversation) => {
    const info = { server_id: 'S', version: '2.15.2', proto: 1, max_payload: 1_048_576, tls_required: tls };
    conversation.write(`INFO ${JSON.stringify(info)}\r\n`);
    if (tls) await conversation.secure();
    for (;;) {
      if ((await conversation.read()).includes('PING')) conversation.write('PONG\r\n');
    }
  };
}
