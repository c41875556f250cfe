import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { acceptedSignature, type SignatureAlgorithm } from '../src/der/signature-algorithm.ts';
import { verifySignature } from '../src/verify/verify-signature.ts';
import { ECDSA_SHA256, pssAlgorithm, RSA_SHA256 } from './pki/keys.ts';

interface Vectors {
  readonly numberOfTests: number;
  readonly testGroups: readonly Group[];
}

interface Group {
  /** Hexadecimal digits, as everything here. */
  readonly publicKeyDer: string;
  readonly sha: string;
  /** Of RSA-PSS. */
  readonly mgfSha?: string;
  readonly sLen?: number;
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid' | 'acceptable';
  }[];
}

const folder = new URL('../../../../shared/vectors/wycheproof/', import.meta.url);
const hasVectors = existsSync(folder);
if (!hasVectors) console.warn(`skipped: the Wycheproof vectors are not in ${fileURLToPath(folder)}`);

/** Each file with how many of its signatures are right; another number means that vectors went missing. */
const FILES = [
  { file: 'ecdsa_secp256r1_sha256_test', algorithm: ECDSA_SHA256, tests: 484, valid: 174 },
  { file: 'rsa_signature_2048_sha256_test', algorithm: RSA_SHA256, tests: 259, valid: 9 },
  {
    file: 'rsa_pss_2048_sha256_mgf1_32_test',
    algorithm: pssAlgorithm({ hash: 'sha256', saltLength: 32 }),
    tests: 108,
    valid: 63,
  },
];

describe.skipIf(!hasVectors)('Wycheproof', () => {
  // What is only "acceptable" (a DigestInfo without its NULL) we refuse, so `valid` is all that passes.
  test.for(FILES)(
    'all $tests signatures of $file are judged as they should be',
    ({ file, algorithm, tests, valid }) => {
      const { numberOfTests, testGroups } = readVectors(file);
      const accepted: number[] = [];
      const right: number[] = [];
      for (const group of testGroups) {
        expect(group).toMatchObject({ sha: 'SHA-256' });
        const key = createPublicKey({
          key: Buffer.from(group.publicKeyDer, 'hex'),
          format: 'der',
          type: 'spki',
        });
        const how = acceptedSignature(algorithm.toString('hex')) as SignatureAlgorithm;
        for (const { tcId, msg, sig, result } of group.tests) {
          if (result === 'valid') right.push(tcId);
          if (verifySignature(key, how, Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex')))
            accepted.push(tcId);
        }
      }
      expect(accepted).toEqual(right);
      expect([numberOfTests, right.length]).toEqual([tests, valid]);
    },
  );
});

function readVectors(file: string): Vectors {
  return JSON.parse(readFileSync(new URL(`${file}.json`, folder), 'utf8')) as Vectors;
}
