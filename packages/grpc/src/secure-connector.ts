import { type Socket } from 'node:net';

import { type CallCredentials, type ChannelOptions, type experimental } from '@grpc/grpc-js';
import { isSpiffeError, SpiffeError } from '@svidkit/core';
import { type Connector } from '@svidkit/tls';

import { type RuleOf } from './call-rules.ts';
import { ChannelConnection, type SettingsTimeout } from './channel-connection.ts';
import { type GrpcTarget, originOfSocket, parseGrpcTarget } from './grpc-target.ts';
import { methodCredentials } from './method-credentials.ts';

/** What the connectors of one kind of credentials share. */
export interface ConnectorOwner {
  readonly connector: Connector;
  readonly timeout: SettingsTimeout;
  /** Which server may be asked for which method; undefined: each for all. */
  readonly ruleOf: RuleOf | undefined;
  /** Notes a connection, so that it is told when its time has come. */
  opened(connection: ChannelConnection): void;
  /** A connector that is used no more. */
  destroyed(): void;
}

/** Opens the connections of one address of a channel, one at a time. */
export class SourceSecureConnector implements experimental.SecureConnector {
  readonly #owner: ConnectorOwner;
  readonly #target: GrpcTarget;
  readonly #serverName: string | undefined;
  readonly #channelCredentials: CallCredentials;
  #callCredentials: CallCredentials;
  readonly #pending = new Set<(reason: unknown) => void>();
  #live: ChannelConnection | undefined;
  #destroyed = false;

  constructor(
    owner: ConnectorOwner,
    target: experimental.GrpcUri,
    options: ChannelOptions,
    callCredentials: CallCredentials,
  ) {
    this.#owner = owner;
    this.#target = parseGrpcTarget(target, options);
    this.#serverName = options['grpc.ssl_target_name_override'];
    this.#channelCredentials = callCredentials;
    this.#callCredentials = callCredentials;
  }

  /** Asked before anything is dialled: what cannot succeed is not begun. */
  async waitForReady(): Promise<void> {
    try {
      const { connector } = this.#owner;
      void connector.current;
      if (this.#target.origin !== undefined) connector.authorizerOf(this.#target.origin);
    } catch (cause) {
      throw namedByCode(cause);
    }
  }

  connect(socket: Socket): Promise<experimental.SecureConnectResult> {
    return new Promise((resolve, reject) => {
      if (this.#destroyed || socket.destroyed) {
        socket.destroy();
        reject(new Error('the connection was closed before its handshake'));
        return;
      }
      const { connector, timeout } = this.#owner;
      const { host, port, path, origin = originOfSocket(socket) } = this.#target;
      const giveUp = connector.connect(
        {
          socket,
          ...(path === undefined ? { host, port } : { path }),
          ...(this.#serverName === undefined ? {} : { servername: this.#serverName }),
          origin,
          ALPNProtocols: ['h2'],
          requireAlpn: true,
        },
        (error, connected) => {
          this.#pending.delete(giveUp);
          if (connected === undefined) {
            socket.destroy();
            reject(namedByCode(error));
            return;
          }
          this.#live = new ChannelConnection(connected.socket, timeout);
          const { ruleOf } = this.#owner;
          if (ruleOf !== undefined) {
            this.#callCredentials = methodCredentials(ruleOf, connected.socket).compose(
              this.#channelCredentials,
            );
          }
          this.#owner.opened(this.#live);
          resolve({ socket: connected.socket, secure: true });
        },
      );
      this.#pending.add(giveUp);
    });
  }

  /**
   * Asked for each call, before it begins: a connection whose time has come by now, however late the timers are, is left,
   * and grpc-js looks for another one.
   */
  getCallCredentials(): CallCredentials {
    if (this.#live !== undefined && !this.#owner.connector.usable(this.#live.socket)) this.#live.leave();
    return this.#callCredentials;
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    for (const giveUp of this.#pending) giveUp(new Error('the channel was closed'));
    this.#live?.abandon();
    this.#owner.destroyed();
  }
}

/** The same failure, with its code where grpc-js makes the details of a status from: in front of the message. */
function namedByCode(cause: unknown): Error {
  if (!isSpiffeError(cause)) return cause instanceof Error ? cause : new Error(String(cause));
  const { code, message, blame, hint, peer } = cause;
  const error = new SpiffeError(code, message, {
    cause,
    blame,
    ...(hint === undefined ? {} : { hint }),
    ...(peer === undefined ? {} : { peer }),
  });
  error.name = code;
  return error;
}
