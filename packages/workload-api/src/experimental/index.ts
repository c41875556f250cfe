export { createWitClient, type WitCallOptions, type WitClient } from './create-wit-client.ts';
export { type WitBundles } from './wit-bundles.ts';
export { type WitSvid } from './wit-svid.ts';
