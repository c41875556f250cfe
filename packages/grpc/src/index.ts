export { authorizeCalls, type AuthorizeCallsOptions } from './authorize-calls.ts';
export { type CallRules } from './call-rules.ts';
export { type ChannelCredentialsOptions, createChannelCredentials } from './channel-credentials.ts';
export { type CallHolder, peerOf } from './peer.ts';
export { createServerCredentials, type ServerCredentialsOptions } from './server-credentials.ts';
export { shutdownServer, type ShutdownServerOptions } from './shutdown-server.ts';
