import { type IdentityInput } from '../identity.ts';
import { dialUpgrade, type DriverOptions } from './dial-tls.ts';
import { DriverStream } from './driver-stream.ts';
import { upgradePostgres } from './postgres-upgrade.ts';

/** Part of the configuration of `Client` and `Pool` of pg. */
export interface PgOptions {
  readonly stream: () => DriverStream;
  /** TLS is ours: pg must not ask for it again, whatever `PGSSLMODE` says. */
  readonly ssl: false;
}

/**
 * For pg: `new Pool({ host, port, user, ...pgOptions(source, { authorize }) })`. Each connection presents the SVID of
 * its moment and is handed to pg only after its server is verified; it ends when an SVID on it expires. Channel
 * binding (`enableChannelBinding`) is not available over it.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function pgOptions(source: IdentityInput, options: DriverOptions): PgOptions {
  const dial = dialUpgrade(source, options, upgradePostgres);
  // pg tells it where to connect to, as it would a net.Socket.
  return { stream: () => new DriverStream(dial), ssl: false };
}
