export { type BundleEndpoint, type SpiffeBundleEndpoint, type WebBundleEndpoint } from './bundle-endpoint.ts';
export { type BundleStore, type StoredBundle } from './bundle-store.ts';
export { type BundleHandler, createBundleHandler } from './create-bundle-handler.ts';
export { createBundleServer } from './create-bundle-server.ts';
export { type FederatedBundle, type FederatedBundleHealth } from './federated-bundle.ts';
export { fetchBundle, type FetchBundleOptions } from './fetch-bundle.ts';
export { fileBundleStore } from './file-bundle-store.ts';
export { watchBundle, type WatchBundleOptions } from './watch-bundle.ts';
export { withFederatedBundles, type WithFederatedBundlesOptions } from './with-federated-bundles.ts';
