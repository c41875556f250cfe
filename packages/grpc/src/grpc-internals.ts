import { type ServerHttp2Stream } from 'node:http2';
import { Server as TlsServer } from 'node:tls';

import {
  type CallCredentials,
  ChannelCredentials,
  type ChannelOptions,
  credentials,
  type experimental,
  Server,
  ServerCredentials,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { isSpiffeError, SpiffeError } from '@svidkit/core';

/**
 * Everything of grpc-js that is not documented, and nothing else: what its credentials are asked by its channels and
 * servers. Checked whenever credentials are made, so that a version that asks other questions is refused.
 */

/** Makes what opens the connections of one address of a channel. */
export type ConnectorFactory = (
  target: experimental.GrpcUri,
  options: ChannelOptions,
  callCredentials: CallCredentials,
) => experimental.SecureConnector;

/**
 * Channel credentials whose connections `createConnector` opens.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_RUNTIME` when grpc-js is of a version that asks for connections otherwise.
 */
export function channelCredentialsOf(createConnector: ConnectorFactory): ChannelCredentials {
  const plain = credentials.createInsecure();
  requireMethods(plain, ['compose', '_isSecure', '_equals', '_createSecureConnector']);
  const connector = plain._createSecureConnector({ scheme: 'dns', path: 'localhost' }, {});
  requireMethods(connector, ['connect', 'waitForReady', 'getCallCredentials', 'destroy']);
  return new ConnectorChannelCredentials(createConnector);
}

/** Whether connections made with these credentials are encrypted. What does not say so is not. */
export function isSecureChannel(channel: ChannelCredentials): boolean {
  return channel instanceof ChannelCredentials && channel._isSecure();
}

class ConnectorChannelCredentials extends ChannelCredentials {
  readonly #createConnector: ConnectorFactory;

  constructor(createConnector: ConnectorFactory) {
    super();
    this.#createConnector = createConnector;
  }

  override _isSecure(): boolean {
    return true;
  }

  /** Channels share connections when their credentials are equal: only those of the same object may. */
  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    target: experimental.GrpcUri,
    options: ChannelOptions,
    callCredentials: CallCredentials = credentials.createEmpty(),
  ): experimental.SecureConnector {
    return this.#createConnector(target, options, callCredentials);
  }
}

/** A call's connection, as an interceptor of {@link serverCredentialsOf} gets it. */
export type StreamInterceptor = (
  call: Parameters<ServerInterceptor>[1],
  stream: ServerHttp2Stream | undefined,
) => ReturnType<ServerInterceptor>;

/**
 * Server credentials that hand each HTTP/2 server that grpc-js makes with them to `secure`, before it listens. They
 * carry no certificate: a server that never came to `secure` cannot finish a handshake.
 *
 * @param intercept - sees each call first, with its stream.
 * @throws {@link SpiffeError} `ERR_CONFIG_RUNTIME` when grpc-js or Node.js is of a version on which that does not work;
 * whatever `secure` throws.
 */
export function serverCredentialsOf(
  secure: (server: TlsServer) => void,
  intercept: StreamInterceptor,
): ServerCredentials {
  const made = new SecuredServerCredentials(secure, intercept);
  proveServer(made);
  return made;
}

type Watcher = Parameters<ServerCredentials['_addWatcher']>[0];

class SecuredServerCredentials extends ServerCredentials {
  readonly #secure: (server: TlsServer) => void;
  readonly #interceptors: ServerInterceptor[];
  /** The stream whose event is being handled right now. */
  #stream: ServerHttp2Stream | undefined;
  secured = 0;

  constructor(secure: (server: TlsServer) => void, intercept: StreamInterceptor) {
    super({ requestCert: true, rejectUnauthorized: false, ca: [] }, { ca: [] });
    this.#secure = secure;
    // grpc-js runs interceptors within the event of the stream.
    this.#interceptors = [(_method, call) => intercept(call, this.#stream)];
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }

  override _getInterceptors(): ServerInterceptor[] {
    return this.#interceptors;
  }

  /** Called once for each HTTP/2 server, when it has been made. */
  override _addWatcher(watcher: Watcher): void {
    const server = serverOf(watcher);
    this.#secure(server);
    server.prependListener('stream', (stream: ServerHttp2Stream) => {
      this.#stream = stream;
    });
    // Behind the listener that grpc-js adds after this.
    process.nextTick(() =>
      server.on('stream', () => {
        this.#stream = undefined;
      }),
    );
    this.secured += 1;
  }

  /** The source is followed by the secured server itself. */
  override _removeWatcher(): void {}
}

/**
 * The server that a watcher of grpc-js is about: the one whose certificate it would replace.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_RUNTIME` when it replaces none.
 */
function serverOf(watcher: Watcher): TlsServer {
  const found: unknown[] = [];
  const { prototype } = TlsServer;
  const original = Object.getOwnPropertyDescriptor(prototype, 'setSecureContext');
  if (original === undefined) throw unknownVersion('Node.js replaces certificates otherwise');
  // For the length of one synchronous call that does nothing else.
  Object.defineProperty(prototype, 'setSecureContext', {
    ...original,
    value(this: unknown) {
      found.push(this);
    },
  });
  try {
    watcher({ ca: [] });
  } finally {
    Object.defineProperty(prototype, 'setSecureContext', original);
  }
  const [server] = found;
  if (found.length === 1 && server instanceof TlsServer) return server;
  throw unknownVersion('its server cannot be found');
}

/** Has grpc-js make a server with `made` that never listens. */
function proveServer(made: SecuredServerCredentials): void {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  try {
    server.createConnectionInjector(made).destroy();
  } catch (cause) {
    if (isSpiffeError(cause)) throw cause;
    throw unknownVersion('no server can be made', cause);
  } finally {
    server.forceShutdown();
  }
  if (made.secured !== 1) throw unknownVersion('its server was not handed over');
}

function requireMethods(object: object, names: readonly string[]): void {
  for (const name of names) {
    if (typeof Reflect.get(object, name) !== 'function') {
      throw unknownVersion(`it has no ${name}()`);
    }
  }
}

function unknownVersion(problem: string, cause?: unknown): SpiffeError {
  return new SpiffeError('ERR_CONFIG_RUNTIME', `this version of @grpc/grpc-js is unknown: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Install a version that @svidkit/grpc names as its peer dependency.',
  });
}
