export { type BoundFetch, createFetch, peerOfResponse } from './create-fetch.ts';
export { createDispatcher, type SpiffeDispatcher } from './create-dispatcher.ts';
export { type DispatcherOptions, type HttpOptions } from './dispatcher-options.ts';
export { type ProxyOptions } from './proxy-tunnel.ts';
