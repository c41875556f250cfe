// The layers below SVIDs, for test data of others. Where the API has no name for a layer, the part of svidkit that everything
// above goes through is called: a second verifier would say nothing about the first.
import { createPublicKey } from 'node:crypto';

import { Certificate, parseJwtBundle, SpiffeError, TrustDomain, verifyX509Chain } from '@svidkit/core';

import { acceptedSignature } from '../../../packages/core/src/der/signature-algorithm.ts';
import { proveJws } from '../../../packages/core/src/jws/prove-jws.ts';
import { readCompactJws } from '../../../packages/core/src/jws/read-compact-jws.ts';
import { jwtError } from '../../../packages/core/src/jwt/jwt-error.ts';
import { JWT_FORM } from '../../../packages/core/src/jwt/jwt-form.ts';
import { verifySignature } from '../../../packages/core/src/verify/verify-signature.ts';
import { BadParams, bytes, isObject, type JsonObject, text, texts } from './params.ts';

/** `x509.chain` */
export function verifyPath(params: JsonObject): JsonObject {
  const { role } = params;
  if (role !== 'client' && role !== 'server') throw new BadParams('role: want client or server');
  const chain = [text(params, 'leaf'), ...texts(params, 'intermediates')];
  verifyX509Chain(
    chain.map((one) => Buffer.from(one, 'base64')),
    texts(params, 'roots').map((one) => Certificate.parse(Buffer.from(one, 'base64'))),
    { role, at: params['at'] === undefined ? Date.now() : Date.parse(text(params, 'at')) },
  );
  return { valid: true };
}

/** `jws.verify` */
export async function verifyJws(params: JsonObject): Promise<JsonObject> {
  const jws = readCompactJws(text(params, 'jws'), {
    ...JWT_FORM,
    isStrict: false,
    needsKeyId: false,
  });
  const { authorities } = parseJwtBundle(asBundle(text(params, 'jwks')), TrustDomain.parse('example.org'));
  await proveJws(jws, authorities, '', jwtError);
  return { payloadB64: Buffer.from(jws.payload).toString('base64') };
}

/** `signature.verify`, as certificates are signed. */
export function verifyCertificateSignature(params: JsonObject): JsonObject {
  const algorithm = acceptedSignature(bytes(params, 'algorithmB64').toString('hex'));
  if (algorithm === undefined)
    throw new SpiffeError('ERR_CHAIN_UNTRUSTED', 'want an algorithm for certificates');
  const key = createPublicKey({ key: bytes(params, 'spkiB64'), format: 'der', type: 'spki' });
  if (!verifySignature(key, algorithm, bytes(params, 'messageB64'), bytes(params, 'signatureB64')))
    throw new SpiffeError('ERR_CHAIN_UNTRUSTED', 'want the signature of the key, got another one');
  return { valid: true };
}

/** What others call "sig" is "jwt-svid", or nothing, to SPIFFE; and SPIFFE bundles have key IDs. */
function asBundle(jwks: string): string {
  const document: unknown = JSON.parse(jwks);
  const keys = isObject(document) && Array.isArray(document['keys']) ? (document['keys'] as unknown[]) : [];
  return JSON.stringify({
    keys: keys.map((key) => {
      const { use, ...rest } = isObject(key) ? key : {};
      return { kid: 'none', ...rest, ...(use === undefined || use === 'sig' ? {} : { use }) };
    }),
  });
}
