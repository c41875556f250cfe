import { type Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';

import { type Pem } from '../messages.ts';

/** What a server of the intruder got from those who came to it. */
export interface Catch {
  connections: number;
  /** Of these, those that have ended. */
  ended: number;
  applicationBytes: number;
}

/** A server that claims to be somebody. It takes whatever it can get. */
export class Impostor {
  readonly #server: Server;
  #caught: Catch = { connections: 0, ended: 0, applicationBytes: 0 };

  constructor(identity: Pem) {
    this.#server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false }, (socket) => {
      const caught = this.#caught;
      socket.on('data', (bytes: Buffer) => {
        caught.applicationBytes += bytes.length;
        const text = bytes.toString('latin1');
        const content = 'content-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
        socket.write(text.startsWith('POST') ? `HTTP/1.1 200 OK\r\n${content}` : text);
      });
      socket.on('error', () => {});
    });
    this.#server.on('connection', (raw: Socket) => {
      const caught = this.#caught;
      caught.connections += 1;
      raw.once('close', () => (caught.ended += 1));
    });
    // A client that leaves in the middle of the handshake leaves without having sent anything.
    this.#server.on('tlsClientError', () => {});
  }

  /** Presents another identity from now on. */
  become(identity: Pem): void {
    this.#server.setSecureContext(identity);
  }

  /** Begins to listen. */
  listen(host: string): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, host, () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** Counts from zero; one lure at a time. */
  expect(): Catch {
    this.#caught = { connections: 0, ended: 0, applicationBytes: 0 };
    return this.#caught;
  }
}
