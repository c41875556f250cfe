import { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What a {@link DriverStream} reaches: a TLS socket, or what a protocol laid around one. */
interface Inner extends Duplex {
  readonly socket?: TLSSocket | undefined;
  setNoDelay?: (noDelay?: boolean) => unknown;
  setKeepAlive?: (enable?: boolean, initialDelayMs?: number) => unknown;
  setTimeout?: (timeoutMs: number) => unknown;
  ref?: () => unknown;
  unref?: () => unknown;
}

/** Where to: host and port, or the path of a Unix socket. */
export interface Address {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
}

/**
 * Opens the connection of a stream: resolves once its server is verified, or with something that itself holds back all
 * that is confidential until then. Rejects with `signal.reason` when it is given up.
 */
export type Dial = (address: Address, signal: AbortSignal) => Promise<Inner>;

/**
 * What a driver gets in place of a socket: at once, as drivers want it, but nothing that they write leaves this object
 * before the server behind it is verified. Looks as much like a `net.Socket` as the drivers need.
 */
export class DriverStream extends Duplex {
  /** Whether there is no connection yet. */
  connecting = true;
  readonly #dial: Dial;
  readonly #giveUp = new AbortController();
  #inner: Inner | undefined;
  /** What to do once there is a connection: the write that waits, and settings. */
  #onceOpen: ((inner: Inner) => void)[] = [];

  constructor(dial: Dial) {
    super({ allowHalfOpen: false });
    this.#dial = dial;
  }

  /** The verified connection, for `peerOf(stream)`. Undefined as long as there is none. */
  get socket(): TLSSocket | undefined {
    return this.#inner instanceof TLSSocket ? this.#inner : this.#inner?.socket;
  }

  /** As of `net.Socket`. */
  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.destroyed) return 'closed';
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Starts connecting: `(port, host?)` or `(path)`, as of `net.Socket`. Emits `connect` when it may be used. */
  connect(target: number | string, host?: string): this {
    const port = Number(target);
    const address = Number.isNaN(port) ? { path: String(target) } : { port, host: host ?? 'localhost' };
    this.#dial(address, this.#giveUp.signal).then(
      (inner) => this.#open(inner),
      (cause: Error) => this.destroy(cause),
    );
    return this;
  }

  /** As of `net.Socket`. */
  setNoDelay(noDelay?: boolean): this {
    return this.#whenOpen((inner) => inner.setNoDelay?.(noDelay));
  }

  /** As of `net.Socket`. */
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    return this.#whenOpen((inner) => inner.setKeepAlive?.(enable, initialDelayMs));
  }

  /** As of `net.Socket`, from when it is connected: before, the limit is `handshakeTimeoutMs`. */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    if (callback !== undefined) {
      if (timeoutMs > 0) this.once('timeout', callback);
      else this.off('timeout', callback);
    }
    return this.#whenOpen((inner) => inner.setTimeout?.(timeoutMs));
  }

  /** As of `net.Socket`. */
  ref(): this {
    return this.#whenOpen((inner) => inner.ref?.());
  }

  /** As of `net.Socket`. */
  unref(): this {
    return this.#whenOpen((inner) => inner.unref?.());
  }

  override _read(): void {
    this.#inner?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#whenOpen((inner) => inner.write(chunk, callback));
  }

  override _final(callback: () => void): void {
    if (this.#inner === undefined) {
      // Ended before it began, so that nothing waits to be sent.
      callback();
      this.destroy();
      return;
    }
    this.#inner.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.connecting = false;
    this.#onceOpen = [];
    this.#giveUp.abort(error ?? new Error('the driver gave the connection up'));
    this.#inner?.destroy();
    callback(error);
  }

  #open(inner: Inner): void {
    if (this.destroyed) {
      inner.destroy();
      return;
    }
    this.#inner = inner;
    this.connecting = false;
    inner.on('data', (chunk) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.on('end', () => this.push(null));
    inner.on('timeout', () => this.emit('timeout'));
    inner.on('error', (error) => this.destroy(error));
    // After an orderly end this stream ends by itself, once what came before was read.
    inner.on('close', () => inner.readableEnded || this.destroy());
    for (const run of this.#onceOpen.splice(0)) run(inner);
    this.emit('connect');
    this.emit('ready');
  }

  #whenOpen(run: (inner: Inner) => void): this {
    if (this.#inner !== undefined) run(this.#inner);
    else if (!this.destroyed) this.#onceOpen.push(run);
    return this;
  }
}
