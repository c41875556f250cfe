import { type TestBundle, type TestSvid } from '@svidkit/testkit';

import { type Identity } from './identity.ts';
import { doubleField, field, mapField } from './protobuf.ts';

const EMPTY = new Uint8Array();

/** An X.509-SVID as a message has it. What is given takes the place of what belongs to the SVID. */
export interface SvidEntry {
  readonly svid: TestSvid;
  readonly bundle: TestBundle;
  readonly hint?: string;
  readonly id?: string;
  readonly chain?: Uint8Array;
  readonly key?: Uint8Array;
  readonly bundleDer?: Uint8Array;
  /** Put behind it as it is. */
  readonly more?: Uint8Array;
}

/** `X509SVIDResponse`. `more` is put behind it as it is. */
export function x509Message(
  svids: readonly SvidEntry[],
  federated: Readonly<Record<string, Uint8Array>> = {},
  more: Uint8Array = EMPTY,
): Buffer {
  const entries = svids.map(({ svid, bundle, hint, id, chain, key, bundleDer, more: rest = EMPTY }) =>
    Buffer.concat([
      optional(1, Buffer.from(id ?? svid.id)),
      optional(2, chain ?? Buffer.concat(svid.chainDer)),
      optional(3, key ?? keyDer(svid)),
      optional(4, bundleDer ?? bundleBytes(bundle)),
      optional(5, Buffer.from(hint ?? '')),
      rest,
    ]),
  );
  return Buffer.concat([...entries.map((entry) => field(1, entry)), mapField(3, federated), more]);
}

/** The `X509SVIDResponse` that makes somebody what it is to be. */
export function identityMessage({ svid, bundles }: Identity): Buffer {
  const isOwn = ({ trustDomain }: TestBundle): boolean => trustDomain === svid.trustDomain;
  const own = bundles.find((bundle) => isOwn(bundle));
  if (own === undefined) throw new Error('an identity has the bundle of its own trust domain');
  return x509Message([{ svid, bundle: own }], federatedOf(bundles.filter((bundle) => !isOwn(bundle))));
}

/** `X509BundlesResponse`. */
export function x509BundlesMessage(bundles: readonly TestBundle[]): Buffer {
  return mapField(2, federatedOf(bundles));
}

/** `JWTBundlesResponse`, with JWK Sets by trust domain. */
export function jwtBundlesMessage(sets: Readonly<Record<string, string>>): Buffer {
  return mapField(
    1,
    Object.fromEntries(Object.entries(sets).map(([name, set]) => [`spiffe://${name}`, Buffer.from(set)])),
  );
}

/** `JWTSVIDResponse`. */
export function jwtMessage(
  ...svids: readonly { readonly id: string; readonly token: string; readonly hint?: string }[]
): Buffer {
  return Buffer.concat(
    svids.map(({ id, token, hint = '' }) =>
      field(1, Buffer.concat([field(1, id), field(2, token), optional(3, Buffer.from(hint))])),
    ),
  );
}

/** A claim, as far as cases have some. */
type Claim = string | number | readonly string[];

/** `ValidateJWTSVIDResponse`. */
export function validationMessage(id: string, claims: Readonly<Record<string, Claim>>): Buffer {
  const values = Object.entries(claims).map(([name, claim]) => [name, valueMessage(claim)] as const);
  return Buffer.concat([field(1, id), field(2, mapField(1, Object.fromEntries(values)))]);
}

/** `google.protobuf.Value` */
function valueMessage(claim: Claim): Buffer {
  if (typeof claim === 'number') return doubleField(2, claim);
  if (typeof claim === 'string') return field(3, claim);
  return field(6, Buffer.concat(claim.map((one) => field(1, valueMessage(one)))));
}

/** Bundles as a map by the SPIFFE ID of the trust domain. */
export function federatedOf(bundles: readonly TestBundle[]): Readonly<Record<string, Uint8Array>> {
  return Object.fromEntries(
    bundles.map((bundle) => [`spiffe://${bundle.trustDomain}`, bundleBytes(bundle)] as const),
  );
}

/** The private key of an SVID as PKCS#8. */
export function keyDer({ key }: Pick<TestSvid, 'key'>): Buffer {
  return key.export({ type: 'pkcs8', format: 'der' });
}

/** The authorities of a bundle, one behind the other. */
function bundleBytes({ authorities }: Pick<TestBundle, 'authorities'>): Buffer {
  return Buffer.concat(authorities);
}

/** A field that is left out when it is empty, as the wire has it. */
function optional(number: number, value: Uint8Array): Buffer {
  return value.length === 0 ? Buffer.alloc(0) : field(number, value);
}
