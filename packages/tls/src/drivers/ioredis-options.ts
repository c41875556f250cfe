import { type IdentityInput } from '../identity.ts';
import { dialTls, type DriverOptions } from './dial-tls.ts';
import { DriverStream } from './driver-stream.ts';

/** What ioredis tells its connector: its own options. */
interface RedisTarget {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}

/** What ioredis asks of a connector. */
interface Connector {
  connect(): Promise<DriverStream>;
  check(): boolean;
  disconnect(): void;
}

/** Part of the options of `Redis` of ioredis. */
export interface IoredisOptions {
  /** Typed as the class that ioredis asks for, of which it uses what {@link Connector} has. */
  readonly Connector: new (target: unknown) => never;
}

/**
 * For ioredis: `new Redis({ host, port, ...ioredisOptions(source, { authorize }) })`. Each connection presents the SVID
 * of its moment and nothing is sent before the server is verified; it ends when an SVID on it expires, and ioredis
 * reconnects. Not together with `tls` or `sentinels`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function ioredisOptions(source: IdentityInput, options: DriverOptions): IoredisOptions {
  const dial = dialTls(source, options);
  return {
    Connector: class implements Connector {
      readonly #target: RedisTarget;
      #stream: DriverStream | undefined;

      constructor(target: unknown) {
        this.#target = target as RedisTarget;
      }

      async connect(): Promise<DriverStream> {
        const { host, port = 6379, path } = this.#target;
        const stream = new DriverStream(dial);
        // Until ioredis listens; then it hears of it too.
        stream.on('error', () => {});
        this.#stream = stream;
        return typeof path === 'string' ? stream.connect(path) : stream.connect(port, host);
      }

      check(): boolean {
        return true;
      }

      disconnect(): void {
        const stream = this.#stream;
        stream?.end(() => stream.destroy());
      }
    } as new (target: unknown) => never,
  };
}
