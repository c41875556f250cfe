export { type AuthorizeJwtOptions, checkJwt, type JwtValidator } from './check-jwt.ts';
export { checkRequest, type RequestLike } from './check-request.ts';
export { type ForwardedPeer, forwardedPeerOf, type ForwardedPeerOptions } from './forwarded-peer.ts';
export { anyPeerOf, type JwtPeer, jwtPeerOf, type RequestHolder } from './jwt-peer.ts';
export { type Problem, type ProblemDocument, problemOf } from './problem.ts';
export { parseXfcc, type XfccElement } from './xfcc.ts';
