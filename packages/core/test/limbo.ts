import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One case of x509-limbo, as far as it is used here. */
export interface LimboCase {
  readonly id: string;
  readonly validation_kind: 'SERVER' | 'CLIENT';
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
}

/** How a case is to be judged. */
export interface LimboProfile {
  readonly id: string;
  readonly cls: string;
  readonly limbo_expected: 'SUCCESS' | 'FAILURE';
  readonly spiffe_expected: 'SUCCESS' | 'FAILURE';
}

const folder = new URL('../../../../shared/vectors/limbo/', import.meta.url);

/** Where the vectors are looked for. */
export const limboFolder: string = fileURLToPath(folder);

/** Whether the vectors, which are no part of this repository, are there. */
export const hasLimbo: boolean = existsSync(folder);

/** All cases and how each is judged. */
export function readLimbo(): { cases: ReadonlyMap<string, LimboCase>; profiles: readonly LimboProfile[] } {
  const cases = new Map<string, LimboCase>();
  for (const file of ['limbo', 'limbo-bettertls-pathbuilding', 'limbo-spiffe']) {
    const { testcases } = readJson(`${file}.json`) as { testcases: LimboCase[] };
    for (const one of testcases) cases.set(one.id, one);
  }
  const { cases: profiles } = readJson('limbo-profile.json') as { cases: LimboProfile[] };
  return { cases, profiles };
}

/** The bytes of a PEM certificate. */
export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}
