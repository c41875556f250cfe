export { authorizeCalls, type AuthorizeCallsOptions } from './authorize-calls.ts';
export { type CallRules } from './call-rules.ts';
export { type ChannelCredentialsOptions, createChannelCredentials } from './channel-credentials.ts';
export { authorizeJwtCalls, type AuthorizeJwtCallsOptions, type JwtCaller, jwtPeerOf } from './jwt-calls.ts';
export { createJwtChannelCredentials, type JwtChannelCredentialsOptions } from './jwt-channel-credentials.ts';
export { type CallHolder, peerOf } from './peer.ts';
export { createServerCredentials, type ServerCredentialsOptions } from './server-credentials.ts';
export { shutdownServer, type ShutdownServerOptions } from './shutdown-server.ts';
