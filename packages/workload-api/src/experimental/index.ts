export { checkWitSvid, type CheckWitSvidOptions } from './check-wit-svid.ts';
export { createWitClient, type WitCallOptions, type WitClient } from './create-wit-client.ts';
export { createWitProof, type CreateWitProofOptions } from './create-wit-proof.ts';
export { presentWit, type PresentWitOptions, type UnsentRequest } from './present-wit.ts';
export { createReplayCache, type ReplayCache, type ReplayCacheOptions } from './replay-cache.ts';
export { type HeadersLike, type RequestLike } from './request-headers.ts';
export { type UnprovenWitSvid } from './unproven-wit-svid.ts';
export { verifyWitProof, type VerifyWitProofOptions } from './verify-wit-proof.ts';
export { parseWitBundle, type WitBundle } from './wit-bundle.ts';
export { type WitBundles, WitBundleSet } from './wit-bundle-set.ts';
export { witFetch } from './wit-fetch.ts';
export { type WitPeer, witSubject } from './wit-peer.ts';
export { type WitSvid } from './wit-svid.ts';
export {
  createWitVerifier,
  type WitRequest,
  type WitVerifier,
  type WitVerifierOptions,
} from './wit-verifier.ts';
