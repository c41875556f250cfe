import { type IdentityInput } from '../identity.ts';
import { dialTls, type DriverOptions } from './dial-tls.ts';
import { DriverStream } from './driver-stream.ts';

/** As of sockets that kafkajs makes itself. */
const KEEP_ALIVE_MS = 60_000;

/** What kafkajs tells its socket factory. */
interface KafkaTarget {
  readonly host: string;
  readonly port: number;
  readonly onConnect: () => void;
}

/** Part of the configuration of `Kafka` of kafkajs. */
export interface KafkajsOptions {
  /** Typed as the `net.Socket` that kafkajs asks for, of which it uses what a {@link DriverStream} has. */
  readonly socketFactory: (target: KafkaTarget) => never;
  /** Says that there is TLS. What kafkajs would do with it, the factory does. */
  readonly ssl: true;
}

/**
 * For kafkajs: `new Kafka({ brokers, clientId, ...kafkajsOptions(source, { authorize }) })`. Each connection to each
 * broker presents the SVID of its moment and nothing is sent before the broker is verified; it ends when an SVID on it
 * expires.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function kafkajsOptions(source: IdentityInput, options: DriverOptions): KafkajsOptions {
  const dial = dialTls(source, options);
  return {
    socketFactory: ({ host, port, onConnect }) =>
      new DriverStream(dial)
        .setKeepAlive(true, KEEP_ALIVE_MS)
        .once('connect', onConnect)
        .connect(port, host) as never,
    ssl: true,
  };
}
