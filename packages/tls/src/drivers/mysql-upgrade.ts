import { type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type TLSSocket } from 'node:tls';
import { callbackify } from 'node:util';

import { SpiffeError } from '@svidkit/core';

import { type PlainConnection, refused } from './dial-tls.ts';
import { MysqlPackets, shiftSequence } from './mysql-packets.ts';

const OK = 0x00;
const ERR = 0xff;
const PROTOCOL_VERSION = 10;
const CLIENT_SSL = 0x0800;
const CLIENT_PROTOCOL_41 = 0x0200;
/** Capabilities, packet size, character set and filler: what a handshake response begins with, and SSLRequest is. */
const SSL_REQUEST_LENGTH = 32;
const LARGEST_GREETING = 4096;

/** Waits for the greeting of a MySQL or MariaDB server, which it sends in the clear. */
export async function upgradeMysql(plain: PlainConnection): Promise<MysqlSession> {
  const header = await plain.read(4);
  const length = header.readUIntLE(0, 3);
  if (length === 0 || length > LARGEST_GREETING) throw refused('the server does not greet as MySQL does');
  const payload = await plain.read(length);
  if (payload[0] !== ERR && !offersTls(payload)) throw refused('the MySQL server does not offer TLS');
  return new MysqlSession(plain, Buffer.concat([header, payload]));
}

/**
 * A MySQL connection for a driver that believes that there is no TLS. Shows it the greeting, keeps its answer, asks
 * the server for TLS with the capabilities of that answer, and sends the answer itself only to a verified server. As
 * that request was one packet more than the driver knows of, sequence numbers differ by one until it is logged in.
 */
export class MysqlSession extends Duplex {
  readonly #plain: PlainConnection;
  readonly #toServer = new MysqlPackets();
  readonly #toDriver = new MysqlPackets();
  #asked = false;
  #socket: TLSSocket | undefined;
  #loggedIn = false;

  constructor(plain: PlainConnection, greeting: Buffer) {
    super({ allowHalfOpen: false });
    this.#plain = plain;
    // From the request for TLS on, what becomes of it is told by `secure`.
    plain.socket.once('close', () => this.#asked || this.destroy());
    this.push(greeting);
    // In place of a greeting the server may say why it will not speak to us: that is all then.
    if (greeting[4] === ERR) this.push(null);
  }

  /** The verified connection, for `peerOf`. */
  get socket(): TLSSocket | undefined {
    return this.#socket;
  }

  /** As of `net.Socket`. */
  setNoDelay(noDelay?: boolean): this {
    this.#connection.setNoDelay(noDelay);
    return this;
  }

  /** As of `net.Socket`. */
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    this.#connection.setKeepAlive(enable, initialDelayMs);
    return this;
  }

  /** As of `net.Socket`. */
  ref(): this {
    this.#connection.ref();
    return this;
  }

  /** As of `net.Socket`. */
  unref(): this {
    this.#connection.unref();
    return this;
  }

  override _read(): void {
    this.#socket?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#loggedIn && this.#socket !== undefined) {
      const held = this.#toServer.drain();
      this.#socket.write(held.length === 0 ? chunk : Buffer.concat([held, chunk]), callback);
      return;
    }
    callbackify(() => this.#login([...this.#toServer.take(chunk)]))(callback);
  }

  override _final(callback: () => void): void {
    this.#connection.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#connection.destroy();
    callback(error);
  }

  get #connection(): Socket {
    return this.#socket ?? this.#plain.socket;
  }

  /** Sends packets of the driver's login; asks for TLS before the first. */
  async #login(packets: readonly Buffer[]): Promise<void> {
    for (const packet of packets) {
      if (this.#socket === undefined) {
        this.#plain.socket.write(sslRequest(packet));
        this.#asked = true;
        this.#follow(await this.#plain.secure());
      }
      this.#socket?.write(shiftSequence(packet, 1));
    }
  }

  #follow(socket: TLSSocket): void {
    this.#socket = socket;
    if (this.destroyed) {
      socket.destroy();
      return;
    }
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(this.#loggedIn ? chunk : this.#answers(chunk))) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error: Error) => this.destroy(error));
    socket.on('close', () => socket.readableEnded || this.destroy());
  }

  /** What the driver is to see of the server's part of the login. */
  #answers(chunk: Buffer): Buffer {
    const answers: Buffer[] = [];
    for (const packet of this.#toDriver.take(chunk)) {
      answers.push(shiftSequence(packet, -1));
      if (packet[4] !== OK && packet[4] !== ERR) continue;
      this.#loggedIn = true;
      answers.push(this.#toDriver.drain());
      break;
    }
    return Buffer.concat(answers);
  }
}

/** The request for TLS with what `response`, a handshake response, begins with; marks that one as well. */
function sslRequest(response: Buffer): Buffer {
  const capabilities = response.length < 4 + SSL_REQUEST_LENGTH ? 0 : response.readUInt32LE(4);
  if ((capabilities & CLIENT_PROTOCOL_41) === 0) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'the driver must log in with protocol 4.1 of MySQL', {
      hint: 'Leave the option flags of mysql2 out.',
    });
  }
  response.writeUInt32LE((capabilities | CLIENT_SSL) >>> 0, 4);
  const request = Buffer.from(response.subarray(0, 4 + SSL_REQUEST_LENGTH));
  request.writeUIntLE(SSL_REQUEST_LENGTH, 0, 3);
  return request;
}

/** Protocol version, server version with its NUL, thread id (4), scramble (8), filler (1), capabilities. */
function offersTls(greeting: Buffer): boolean {
  const endOfVersion = greeting.indexOf(0, 1);
  const at = endOfVersion + 1 + 4 + 8 + 1;
  if (greeting[0] !== PROTOCOL_VERSION || endOfVersion < 0 || greeting.length < at + 2) return false;
  return (greeting.readUInt16LE(at) & CLIENT_SSL) !== 0;
}
