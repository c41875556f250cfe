import { SpiffeError } from '@svidkit/core';

import { type IdentityInput } from '../identity.ts';
import { dialUpgrade, type DriverOptions } from './dial-tls.ts';
import { DriverStream } from './driver-stream.ts';
import { upgradePostgres } from './postgres-upgrade.ts';

/** What postgres.js tells its socket function: one entry per host. */
interface PostgresTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false | undefined;
}

/** Part of the options of postgres.js. */
export interface PostgresOptions {
  readonly socket: (target: PostgresTarget) => DriverStream;
  /** TLS is ours: postgres.js must not ask for it again, whatever its connection string says. */
  readonly ssl: false;
}

/**
 * For postgres.js: `postgres({ host, port, user, ...postgresOptions(source, { authorize }) })`. Each connection
 * presents the SVID of its moment and nothing is sent before its server is verified; it ends when an SVID on it
 * expires. One host only: with several, use `tlsClientOptions`.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function postgresOptions(source: IdentityInput, options: DriverOptions): PostgresOptions {
  const dial = dialUpgrade(source, options, upgradePostgres);
  return {
    socket: ({ host, port, path }) => {
      const [name, ...others] = host;
      if (others.length > 0) {
        throw new SpiffeError('ERR_CONFIG_OPTION', `postgresOptions wants one host, got ${host.length}`, {
          hint: 'Give postgres.js tlsClientOptions(source, { authorize }) as ssl instead.',
        });
      }
      const stream = new DriverStream(dial);
      return typeof path === 'string' ? stream.connect(path) : stream.connect(port[0] ?? 5432, name);
    },
    ssl: false,
  };
}
