export { type ClientOptions, type SecureClientOptions, type TargetClientOptions } from './client-options.ts';
export { type ConnectTlsOptions, connectTls } from './connect-tls.ts';
export { type RetireReason } from './connection-table.ts';
export {
  type Connected,
  type Connector,
  type ConnectorOptions,
  type ConnectTarget,
  createConnector,
  type RetiredConnection,
} from './connector.ts';
export { type TlsFloor } from './context-options.ts';
export {
  createHttpsServer,
  createTlsServer,
  type HttpsServerOptions,
  type TlsServerOptions,
} from './create-server.ts';
export { type Drainable, type DrainOptions, drainServers, type DrainSummary } from './drain-servers.ts';
export { type HandshakeLimitOptions } from './handshake-limits.ts';
export { createHttpsAgent, type HttpsAgent, type HttpsAgentOptions } from './https-agent.ts';
export { createHttp2Client, type Http2Client, type Http2ClientOptions } from './http2-client.ts';
export { type Target } from './attempt-connection.ts';
export { type IdentityInput, type MigrationOptions } from './identity.ts';
export {
  legacyAnyOf,
  legacyCommonName,
  type LegacyContext,
  legacyDnsName,
  legacyIdentity,
  type LegacyIdentity,
  type LegacyIdentityOptions,
  type LegacyMatcher,
} from './legacy-identity.ts';
export { onTermination, type TerminationOptions } from './on-termination.ts';
export { anyPeerOf, type LegacyPeer, type Peer, peerOf, type SocketHolder } from './peer.ts';
export { type Gated, secureServer } from './secure-server.ts';
export {
  type ConnectionLifeOptions,
  type DenyOptions,
  type ResumptionOptions,
  type SecureServerOptions,
} from './server-options.ts';
export { type TargetAuthorizer } from './target-authorizer.ts';
export {
  tlsClientOptions,
  type TlsClientOptions,
  type TlsClientOptionsOptions,
} from './tls-client-options.ts';
