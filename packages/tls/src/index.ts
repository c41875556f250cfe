export { type ConnectTlsOptions, connectTls, type SecureClientOptions } from './connect-tls.ts';
export { type TlsFloor } from './context-options.ts';
export {
  createHttpsServer,
  createTlsServer,
  type HttpsServerOptions,
  type TlsServerOptions,
} from './create-server.ts';
export { type HandshakeLimitOptions } from './handshake-limits.ts';
export { createHttpsAgent, type HttpsAgent, type HttpsAgentOptions } from './https-agent.ts';
export { type Target } from './open-connection.ts';
export { type Peer, peerOf, type SocketHolder } from './peer.ts';
export { secureServer } from './secure-server.ts';
export { type SecureServerOptions } from './server-options.ts';
export {
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
} from './tls-client-options.ts';
