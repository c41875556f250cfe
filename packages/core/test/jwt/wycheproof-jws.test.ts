import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { SpiffeError } from '../../src/errors.ts';
import { proveJws } from '../../src/jws/prove-jws.ts';
import { readCompactJws } from '../../src/jws/read-compact-jws.ts';
import { parseJwtBundle } from '../../src/jwt-bundle.ts';
import { jwtError } from '../../src/jwt/jwt-error.ts';
import { JWT_FORM } from '../../src/jwt/jwt-form.ts';
import { domainA } from './jwt-world.ts';

type Jwk = Readonly<Record<string, unknown>>;

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly jws?: string;
  readonly jwe?: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface Group {
  readonly comment?: string;
  readonly public?: Jwk;
  readonly private?: Jwk;
  readonly tests: readonly Vector[];
}

interface EcdsaGroup {
  /** Hexadecimal digits, as everything here. */
  readonly publicKeyDer: string;
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid';
  }[];
}

const folder = new URL('../../../../../shared/vectors/wycheproof/', import.meta.url);
const hasVectors = existsSync(folder);
if (!hasVectors) console.warn(`skipped: the Wycheproof vectors are not in ${fileURLToPath(folder)}`);

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`${file}.json`, folder), 'utf8'));
}

/** The JWS layer as it is used for JWT-SVIDs, whose payload is not looked at here. */
async function isProven(token: string, { public: given, private: secret = {} }: Group): Promise<boolean> {
  const set = given ?? secret;
  const keys = Array.isArray(set['keys']) ? (set['keys'] as readonly Jwk[]) : [set];
  // What these files call "sig" is "jwt-svid", or nothing, to SPIFFE. Other uses stay what they are.
  const jwks = keys.map((key) => ({
    kid: 'none',
    ...key,
    use: key['use'] === 'sig' ? undefined : key['use'],
  }));
  try {
    const { authorities } = parseJwtBundle(JSON.stringify({ keys: jwks }), domainA);
    const jws = readCompactJws(token, { ...JWT_FORM, isStrict: false, needsKeyId: false });
    await proveJws(jws, authorities, '', jwtError);
    return true;
  } catch (error) {
    if (error instanceof SpiffeError) return false;
    throw error;
  }
}

const CONTRADICTION =
  'the JWK says alg PS256 or ES521, the token PS384 or ES512: a key is used for what it says, or not at all';
const ROCA = 'whether a key is good beyond its size and exponent is up to the trust domain that publishes it';

/** What we judge otherwise than a file does, and why. */
const EXCEPTIONS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  json_web_signature_test: { 346: CONTRADICTION, 347: CONTRADICTION, 350: CONTRADICTION, 351: CONTRADICTION },
  json_web_key_test: { 7: ROCA },
  json_web_crypto_test: { 46: ROCA },
};

/** How many vectors each file has, and how many of its tokens are valid and signed (not encrypted, no shared secret). */
const FILES = [
  { file: 'json_web_signature_test', tests: 401, valid: 36 },
  { file: 'json_web_key_test', tests: 26, valid: 1 },
  { file: 'json_web_crypto_test', tests: 83, valid: 2 },
];

/** JWT-SVID 2.1: nothing symmetric, and JWT-SVIDs are not encrypted. */
function isPossible({ public: given, private: secret = {} }: Group): boolean {
  return !/"kty":"oct"|"use":"enc"/.test(JSON.stringify(given ?? secret));
}

describe.skipIf(!hasVectors)('Wycheproof, JOSE', () => {
  test.for(FILES)(
    'J-03, J-15: $tests vectors of $file are judged as they should be',
    async ({ file, tests, valid }) => {
      const { numberOfTests, testGroups } = read(file) as { numberOfTests: number; testGroups: Group[] };
      const otherwise: number[] = [];
      const right: number[] = [];
      let count = 0;
      for (const group of testGroups) {
        for (const { tcId, jws, jwe, result } of group.tests) {
          count++;
          const isRight = result === 'valid' && isPossible(group);
          if (isRight) right.push(tcId);
          if ((await isProven(jws ?? jwe ?? '', group)) !== isRight) otherwise.push(tcId);
        }
      }
      expect(otherwise.map(String)).toEqual(Object.keys(EXCEPTIONS[file] ?? {}));
      expect([count, numberOfTests, right.length]).toEqual([tests, tests, valid]);
    },
  );
});

/** What the JOSE library asks the platform: r and s one after the other, as JWS has them. */
const ECDSA = [
  { file: 'ecdsa_secp256r1_sha256_p1363_test', namedCurve: 'P-256', hash: 'SHA-256', tests: 262 },
  { file: 'ecdsa_secp384r1_sha384_p1363_test', namedCurve: 'P-384', hash: 'SHA-384', tests: 280 },
  { file: 'ecdsa_secp521r1_sha512_p1363_test', namedCurve: 'P-521', hash: 'SHA-512', tests: 318 },
];

describe.skipIf(!hasVectors)('Wycheproof, ECDSA as in JWS', () => {
  test.for(ECDSA)('J-03: $tests signatures of $file', async ({ file, namedCurve, hash, tests }) => {
    const { testGroups } = read(file) as { testGroups: readonly EcdsaGroup[] };
    const wrong: number[] = [];
    let count = 0;
    for (const { publicKeyDer, tests: vectors } of testGroups) {
      const key = createPublicKey({ key: Buffer.from(publicKeyDer, 'hex'), format: 'der', type: 'spki' });
      const cryptoKey = key.toCryptoKey({ name: 'ECDSA', namedCurve }, true, ['verify']);
      for (const { tcId, msg, sig, result } of vectors) {
        count++;
        const isValid = await crypto.subtle.verify(
          { name: 'ECDSA', hash },
          cryptoKey,
          Buffer.from(sig, 'hex'),
          Buffer.from(msg, 'hex'),
        );
        if (isValid !== (result === 'valid')) wrong.push(tcId);
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBe(tests);
  });
});
