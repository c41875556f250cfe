import { X509Certificate } from 'node:crypto';

import { type TestBundle } from '@svidkit/testkit';

import { type JsonObject } from '../json.ts';

/** What a bundle document is made of. */
type Authorities = Pick<TestBundle, 'authorities'>;

/**
 * A bundle document with the authorities of a test CA, written by the kit itself.
 *
 * @param others - entries that stand before them.
 */
export function documentOf(
  bundle: Authorities,
  members: JsonObject = {},
  others: readonly object[] = [],
): string {
  return JSON.stringify({ ...members, keys: [...others, ...keysOf(bundle)] });
}

/** A bundle map of these documents, by their trust domains. One that is there twice is written twice. */
export function mapOf(...documents: readonly (readonly [trustDomain: string, document: string])[]): string {
  const members = documents.map(([name, document]) => `${JSON.stringify(name)}:${document}`);
  return `{"trust_domains":{${members.join(',')}}}`;
}

/** The entries of authorities for X.509-SVIDs, or for another use. */
export function keysOf({ authorities }: Authorities, use = 'x509-svid'): readonly object[] {
  return authorities.map((der) => ({
    ...new X509Certificate(der).publicKey.export({ format: 'jwk' }),
    use,
    x5c: [Buffer.from(der).toString('base64')],
  }));
}
