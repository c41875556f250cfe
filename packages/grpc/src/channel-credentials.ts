import { type ChannelCredentials } from '@grpc/grpc-js';
import { systemClock } from '@svidkit/core';
import { type Connector, createConnector, type TargetClientOptions, type IdentityInput } from '@svidkit/tls';

import { type CallRules, parseRules, type RuleOf } from './call-rules.ts';
import { type ChannelConnection, type SettingsTimeout } from './channel-connection.ts';
import { channelCredentialsOf } from './grpc-internals.ts';
import { type ConnectorOwner, SourceSecureConnector } from './secure-connector.ts';
import { proveSessionOf } from './session-of.ts';

/**
 * Options of {@link createChannelCredentials}. `authorize` may differ by target: `https://host:port` for DNS names and IP
 * addresses, the target as written (`unix:/run/payments.sock`) for all others, which only a function can name.
 */
export interface ChannelCredentialsOptions extends TargetClientOptions {
  /**
   * Which of the servers that `authorize` lets in may be asked for which method. A call of a method without a rule, or to a
   * server that its rule does not name, fails with `PERMISSION_DENIED` before anything of it is sent. Default: each of them
   * for every method.
   */
  readonly authorizeMethods?: CallRules;
}

/**
 * Credentials for the channels of `@grpc/grpc-js`: each connection presents the source's SVID, and carries a call only
 * after its server was verified and authorised. After a rotation calls in flight finish where they are, and new calls
 * use a new connection.
 *
 * They hold nothing by themselves: connections end with their channels.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_CONFIG_AUTHORIZER`; `ERR_CONFIG_RUNTIME` when grpc-js or Node.js
 * is of a version on which calls could not be kept from connections that have had their time.
 */
export function createChannelCredentials(
  source: IdentityInput,
  options: ChannelCredentialsOptions,
): ChannelCredentials {
  proveSessionOf();
  // What is wrong with the options is told now, and not by the first call.
  const { authorizeMethods, ...rest } = options;
  createConnector(source, rest).close();
  const ruleOf = authorizeMethods === undefined ? undefined : parseRules(authorizeMethods);
  const channels = new Channels(source, rest, ruleOf);
  return channelCredentialsOf((...wanted) => new SourceSecureConnector(channels.enter(), ...wanted));
}

/** The connections of all channels with the same credentials. Follows the source as long as there is a channel. */
class Channels implements ConnectorOwner {
  readonly timeout: SettingsTimeout;
  readonly ruleOf: RuleOf | undefined;
  readonly #source: IdentityInput;
  readonly #options: TargetClientOptions;
  readonly #connections = new WeakMap<object, ChannelConnection>();
  #users = 0;
  #connector: Connector | undefined;

  constructor(source: IdentityInput, options: TargetClientOptions, ruleOf: RuleOf | undefined) {
    const { clock = systemClock, handshakeTimeoutMs = 10_000 } = options;
    this.#source = source;
    this.ruleOf = ruleOf;
    this.#options = { ...options };
    this.timeout = { clock, timeoutMs: handshakeTimeoutMs };
  }

  get connector(): Connector {
    this.#connector ??= createConnector(this.#source, {
      ...this.#options,
      onRetire: ({ socket, condemned }) => this.#connections.get(socket)?.leave(condemned),
    });
    return this.#connector;
  }

  enter(): this {
    this.#users += 1;
    return this;
  }

  opened(connection: ChannelConnection): void {
    this.#connections.set(connection.socket, connection);
  }

  destroyed(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#connector?.close();
    this.#connector = undefined;
  }
}
