import { createHash } from 'node:crypto';

import { type IdentityInput } from '../identity.ts';
import { dialUpgrade, type DriverOptions, refused } from './dial-tls.ts';
import { DriverStream } from './driver-stream.ts';
import { upgradeMysql } from './mysql-upgrade.ts';

/** What mysql2 tells its stream function. */
interface MysqlTarget {
  readonly config: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly socketPath?: string | undefined;
    readonly enableKeepAlive?: boolean | undefined;
    readonly keepAliveInitialDelay?: number | undefined;
  };
}

/** What mysql2 tells an authentication plugin. */
interface MysqlLogin {
  readonly connection: { readonly config: { readonly password?: string | undefined } };
}

/** Part of the options of `createConnection` and `createPool` of mysql2. */
export interface Mysql2Options {
  readonly stream: (target: MysqlTarget) => DriverStream;
  readonly authPlugins: {
    readonly caching_sha2_password: (login: MysqlLogin) => (data: Buffer) => Buffer | null;
  };
}

/**
 * For mysql2, whose `ssl` option has no way to check who the server is beyond a DNS name:
 * `createPool({ host, port, user, password, ...mysql2Options(source, { authorize }) })`, without `ssl`. Each connection
 * presents the SVID of its moment; what mysql2 says (user, password) is sent only to a verified server; it ends when an
 * SVID on it expires.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`.
 */
export function mysql2Options(source: IdentityInput, options: DriverOptions): Mysql2Options {
  const dial = dialUpgrade(source, options, upgradeMysql);
  return {
    stream: ({ config: { host, port, socketPath, enableKeepAlive, keepAliveInitialDelay } }) => {
      // What mysql2 does with a socket of its own.
      const stream = new DriverStream(dial).setNoDelay(true);
      if (enableKeepAlive === true) stream.setKeepAlive(true, keepAliveInitialDelay);
      return socketPath === undefined ? stream.connect(port ?? 3306, host) : stream.connect(socketPath);
    },
    authPlugins: { caching_sha2_password: cachingSha2Password },
  };
}

/** The server knows the password already. */
const FAST_SUCCESS = 3;
/** The server wants to see the password. */
const FULL_AUTHENTICATION = 4;

/**
 * The default login of MySQL 8, over a connection that is known to be private. That of mysql2 would not know that it
 * is, and ask for a key to encrypt the password with, which a server does not give over TLS.
 */
function cachingSha2Password({ connection }: MysqlLogin): (data: Buffer) => Buffer | null {
  const { password = '' } = connection.config;
  let scrambled = false;
  return (data) => {
    if (!scrambled) {
      scrambled = true;
      return password === '' ? Buffer.alloc(0) : scramble(password, data.subarray(0, 20));
    }
    if (data[0] === FAST_SUCCESS) return null;
    if (data[0] === FULL_AUTHENTICATION) return Buffer.from(`${password}\0`);
    throw refused(`want an answer of caching_sha2_password, got ${data[0]}`);
  };
}

/** SHA256(password) XOR SHA256(SHA256(SHA256(password)) nonce). */
function scramble(password: string, nonce: Buffer): Buffer {
  const hash = sha256(Buffer.from(password));
  const mask = sha256(Buffer.concat([sha256(sha256(hash)), nonce]));
  return Buffer.from(hash.map((byte, i) => byte ^ (mask[i] ?? 0)));
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
