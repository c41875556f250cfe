import { type ChildProcessByStdio } from 'node:child_process';
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Readable, type Writable } from 'node:stream';

import { usageFailure } from '../exit-code.ts';

/** The process of an adapter. */
export type AdapterChild = ChildProcessByStdio<Writable, Readable, Readable>;

/** The variable that tells an adapter which socket to connect to. */
export const SOCKET_VARIABLE = 'SPIFFE_CONFORMANCE_SOCKET';
/** What fits into an address of a Unix socket on every system, in bytes. */
const LONGEST_PATH = 103;

/** What carries the lines of the protocol, both ways. */
export interface Wire {
  /** Begins to carry, when the process has been started. */
  attach(child: AdapterChild, on: WireListener): void;
  write(text: string): void;
  /** Says that nothing more will be sent. */
  end(): void;
  /** Resolves when nothing more can come, after the process has ended. */
  readonly drained: Promise<void>;
  /** Gives it up. */
  destroy(): void;
}

/** Who hears what comes. */
export interface WireListener {
  data(chunk: Buffer): void;
  /** What the process printed that belongs to no message. */
  printed(chunk: Buffer): void;
  /** The adapter went away from the wire, and maybe its process did not. */
  left(): void;
}

/** The standard streams of the process. */
export class StdioWire implements Wire {
  // The end of the process waits for its streams already.
  readonly drained: Promise<void> = Promise.resolve();
  #child: AdapterChild | undefined;

  attach(child: AdapterChild, on: WireListener): void {
    this.#child = child;
    // It went away: the end of the process says so already.
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => on.data(chunk));
    child.stderr.on('data', (chunk: Buffer) => on.printed(chunk));
  }

  write(text: string): void {
    this.#child?.stdin.write(text);
  }

  end(): void {
    this.#child?.stdin.end();
  }

  destroy(): void {
    this.#child?.stdin.destroy();
  }
}

/** A Unix socket that the kit listens on, for one connection. What the process prints is no message then. */
export class SocketWire implements Wire {
  readonly #server: Server;
  readonly #drained = Promise.withResolvers<void>();
  #on: WireListener | undefined;
  #socket: Socket | undefined;
  #waiting = '';
  #isEnded = false;

  /** @throws {@link KitFailure} (exit code 2) when it cannot listen there. */
  constructor(path: string) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));
    this.#server.once('error', () => this.#drained.resolve());
    this.#server.listen(path);
    if (!this.#server.listening) throw usageFailure(`--transport: cannot listen on ${path}`);
  }

  get drained(): Promise<void> {
    // Without a connection nothing comes.
    if (this.#socket === undefined) this.destroy();
    return this.#drained.promise;
  }

  attach(child: AdapterChild, on: WireListener): void {
    this.#on = on;
    child.stdin.on('error', () => {});
    child.stdin.end();
    child.stdout.on('data', (chunk: Buffer) => on.printed(chunk));
    child.stderr.on('data', (chunk: Buffer) => on.printed(chunk));
  }

  write(text: string): void {
    if (this.#socket === undefined) this.#waiting += text;
    else this.#socket.write(text);
  }

  end(): void {
    this.#isEnded = true;
    this.#socket?.end();
  }

  destroy(): void {
    this.#server.close();
    this.#socket?.destroy();
    this.#drained.resolve();
  }

  #connected(socket: Socket): void {
    // One adapter, one connection: whoever comes next finds nobody.
    this.#server.close();
    if (this.#socket !== undefined) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#on?.data(chunk));
    socket.once('end', () => this.#left());
    socket.once('close', () => this.#left());
    if (this.#waiting !== '') socket.write(this.#waiting);
    if (this.#isEnded) socket.end();
  }

  #left(): void {
    this.#drained.resolve();
    this.#on?.left();
    this.#socket?.end();
  }
}

/**
 * Takes away a socket that an earlier run has left, and nothing else.
 *
 * @throws {@link KitFailure} (exit code 2) when the path is in use or too long.
 */
export async function makeWay(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw usageFailure(`--transport wants a path of at most ${LONGEST_PATH} bytes`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw usageFailure(`--transport: ${path} is there already, and is no socket`);
  const isInUse = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => resolve(true));
    probe.once('error', () => resolve(false));
    probe.once('close', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (isInUse) throw usageFailure(`--transport: ${path} is there already, and somebody listens on it`);
  unlinkSync(path);
}
