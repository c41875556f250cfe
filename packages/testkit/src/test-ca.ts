import { KeyObject, type webcrypto } from 'node:crypto';

import {
  type BundleSet,
  type Clock,
  SpiffeError,
  staticX509Source,
  type X509Bundle,
  type X509Context,
  type X509Source,
  type X509Svid,
} from '@svidkit/core';

import { type CaDefectContext } from './ca-defects.ts';
import { type CaOptions, caPlan } from './ca-plan.ts';
import { type CertificatePlan } from './certificate-plan.ts';
import { derChildren, readDer } from './der.ts';
import { encodePem } from './encode-pem.ts';
import { type AnyKeyType, generateKey, isSlow, type KeyType, pooledKey } from './key-type.ts';
import { type IssueOptions, leafPlan } from './leaf-plan.ts';
import { type LegacyIssueOptions, legacyPlan } from './legacy-plan.ts';
import { type Issuer, keyIdOf, signCertificate } from './sign-certificate.ts';
import { type TestBundle, testBundle, testBundleOf, testBundleSet } from './test-bundle.ts';
import {
  type TestCertificate,
  testCertificate,
  type TestCertificateParts,
  type TestSvid,
  testSvid,
} from './test-svid.ts';

/** What a service gets from a source, without the source. */
export interface TestContext {
  readonly svid: X509Svid;
  readonly bundles: BundleSet;
}

/** {@link IssueOptions}, and whom else to trust. */
export interface TestContextOptions extends IssueOptions {
  /**
   * The bundles, in place of the CA's own. Add those of other trust domains to federate with them, or a
   * {@link testBundle} of two CAs while one replaces the other. Default: the bundle of this CA alone.
   */
  readonly bundles?: readonly TestBundle[];
}

/** A source whose identity the test replaces with `update`. */
export type TestX509Source = X509Source & { update(svid: X509Svid, bundles: BundleSet): X509Context };

interface TestCaParts {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly keyType: KeyType;
  readonly keyPair: webcrypto.CryptoKeyPair;
  readonly der: Uint8Array;
  /** What its certificate says about its key; undefined when it says nothing. */
  readonly keyId: string | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Who signed its certificate; undefined when it did itself. */
  readonly parent: TestCa | undefined;
  /** The intermediates from this CA up, without the root. */
  readonly chainDer: readonly Uint8Array[];
  readonly authorities: readonly Uint8Array[];
}

/** Whose certificate is to be made, and by whom. */
export interface CaRequest {
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly options: CaOptions;
  readonly inherited: { readonly keyType: KeyType; readonly notBefore: number; readonly notAfter: number };
  /** Undefined: it signs itself. */
  readonly parent: TestCa | undefined;
  /** The DER subject to keep, when a key that has one already gets another certificate. */
  readonly subject?: Uint8Array;
}

/** A certificate authority for tests: a root, or an intermediate under another one. */
export class TestCa implements TestBundle {
  /** Whose SVIDs it issues unless told otherwise. */
  readonly trustDomain: string;
  /** Its certificate. */
  readonly der: Uint8Array;
  /** Its certificate as PEM. */
  readonly pem: string;
  /** Its private key. */
  readonly key: KeyObject;
  /** Its key pair, for a certificate of the same key from elsewhere. */
  readonly keyPair: webcrypto.CryptoKeyPair;
  /** Validity of its certificate in milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** What follows a leaf that it issues: its own certificate and those up to the root, without the root. */
  readonly chainDer: readonly Uint8Array[];
  /** The root that its SVIDs lead to, as a list of one. */
  readonly authorities: readonly Uint8Array[];
  /** The same as PEM: what belongs into the bundle file of its trust domain. */
  readonly bundlePem: string;
  readonly #parts: TestCaParts;

  private constructor(parts: TestCaParts) {
    this.#parts = parts;
    this.trustDomain = parts.trustDomain;
    this.der = parts.der;
    this.pem = encodePem('CERTIFICATE', parts.der);
    this.key = KeyObject.from(parts.keyPair.privateKey);
    this.keyPair = parts.keyPair;
    this.notBefore = parts.notBefore;
    this.notAfter = parts.notAfter;
    this.chainDer = Object.freeze([...parts.chainDer]);
    this.authorities = Object.freeze([...parts.authorities]);
    this.bundlePem = testBundleOf(parts.trustDomain, parts.authorities).bundlePem;
    Object.freeze(this);
  }

  /** @internal Use `createTestCa`. */
  static async create(request: CaRequest): Promise<TestCa> {
    const { trustDomain, clock, options, inherited, parent } = request;
    const context: CaDefectContext = {
      trustDomain,
      id: options.id ?? `spiffe://${trustDomain}`,
      now: clock.now(),
      copyFrom() {
        if (options.copyFrom !== undefined) return options.copyFrom.#issuer();
        throw new SpiffeError(
          'ERR_CONFIG_OPTION',
          'want option copyFrom with a defect that copies, got none',
        );
      },
    };
    const asked = caPlan(options, context, inherited);
    const plan = request.subject === undefined ? asked : { ...asked, subject: request.subject };
    const keyPair = await takeKey(plan.keyType, options.key, true);
    const keyId = plan.subjectKeyId === 'own' ? keyIdOf(keyPair.publicKey) : plan.subjectKeyId;
    const self = { subject: plan.subject, keyId, privateKey: keyPair.privateKey };
    const issuer = parent === undefined ? self : parent.#issuer();
    const der = await signCertificate({ ...plan, subjectKeyId: keyId }, keyPair.publicKey, issuer);
    return new TestCa({
      trustDomain,
      clock,
      keyType: options.keyType ?? inherited.keyType,
      keyPair,
      der,
      keyId,
      notBefore: plan.notBefore,
      notAfter: plan.notAfter,
      parent,
      chainDer: parent === undefined ? [] : [der, ...parent.chainDer],
      authorities: parent?.authorities ?? [der],
    });
  }

  /**
   * Issues an X.509-SVID: by default a good one for `/workload`, valid for an hour.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options contradict each other or name an unknown
   * defect.
   */
  async issue(options: IssueOptions = {}): Promise<TestSvid> {
    const { trustDomain, clock, keyType } = this.#parts;
    if (options.id !== undefined && options.path !== undefined) {
      throw new SpiffeError('ERR_CONFIG_OPTION', 'want either option id or option path, got both');
    }
    const id = options.id ?? `spiffe://${trustDomain}${options.path ?? '/workload'}`;
    const plan = leafPlan(options, { trustDomain, id, now: clock.now() }, keyType);
    return testSvid({ id, trustDomain, ...(await this.#sign(plan, options)) });
  }

  /**
   * Issues a certificate without a SPIFFE ID, as an ordinary CA does: for services on their way to SPIFFE. By default
   * for clients and servers, valid for an hour.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options give it no name, or an unknown defect.
   */
  async issueLegacy(options: LegacyIssueOptions): Promise<TestCertificate> {
    const { trustDomain, clock, keyType } = this.#parts;
    const plan = legacyPlan(options, { trustDomain, id: '', now: clock.now() }, keyType);
    return testCertificate(await this.#sign(plan, options));
  }

  /**
   * Makes a CA under this one. What it issues carries the whole chain; its bundle is the bundle of this CA.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options contradict each other.
   */
  intermediate(options: CaOptions = {}): Promise<TestCa> {
    const { trustDomain, clock } = this.#parts;
    return TestCa.create({ trustDomain, clock, options, inherited: this.#parts, parent: this });
  }

  /**
   * Signs the subject and key of `other`: gives a CA that issues what `other` does, of the trust domain of
   * `other`, with a chain that leads to the authorities of this CA.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options contradict each other.
   */
  crossSign(other: TestCa, options: Omit<CaOptions, 'name' | 'key' | 'keyType'> = {}): Promise<TestCa> {
    const { trustDomain, clock, keyPair, keyType } = other.#parts;
    const { notBefore, notAfter } = this;
    return TestCa.create({
      trustDomain,
      clock,
      options: { ...options, key: keyPair },
      inherited: { keyType, notBefore, notAfter },
      parent: this,
      subject: subjectOf(other.der),
    });
  }

  /**
   * Has the issuer of this CA (a root: itself) make another certificate for the same subject and key, for example
   * with another validity. What this CA issued is under the new certificate, too, as far as its contents allow:
   * see {@link TestCa.rechain}.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options contradict each other.
   */
  reissue(options: Omit<CaOptions, 'name' | 'key' | 'keyType'> = {}): Promise<TestCa> {
    const { trustDomain, clock, keyPair } = this.#parts;
    return TestCa.create({
      trustDomain,
      clock,
      options: { ...options, key: keyPair },
      inherited: this.#parts,
      parent: this.#parts.parent,
      subject: subjectOf(this.der),
    });
  }

  /** The same leaf and key, followed by the chain of this CA, for example of one that was reissued or cross-signed. */
  rechain(svid: TestSvid): TestSvid {
    return testSvid({ ...svid, chainDer: [...svid.chainDer.slice(0, 1), ...this.chainDer] });
  }

  /** What the thief of an SVID has: a CA that signs with its key, under its certificate. */
  stolen(svid: TestSvid): TestCa {
    const { keyPair, notBefore, notAfter, chainDer } = svid;
    const [der = new Uint8Array()] = chainDer;
    const keyId = keyIdOf(keyPair.publicKey);
    return new TestCa({ ...this.#parts, keyPair, der, keyId, notBefore, notAfter, parent: this, chainDer });
  }

  /**
   * Makes the root that replaces this one: same trust domain, another key. Publish `both` first, then let `next`
   * issue, and in the end publish `next` alone.
   *
   * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the options contradict each other.
   */
  async rotate(options: CaOptions = {}): Promise<{ readonly next: TestCa; readonly both: TestBundle }> {
    const { trustDomain, clock } = this.#parts;
    const next = await TestCa.create({
      trustDomain,
      clock,
      options,
      inherited: this.#parts,
      parent: undefined,
    });
    return { next, both: testBundle(this, next) };
  }

  /**
   * Its authorities as the type that services use.
   *
   * @throws {@link SpiffeError} as `X509Bundle.fromPem`, when a defect makes them unreadable.
   */
  bundle(): X509Bundle {
    return testBundleOf(this.trustDomain, this.authorities).bundle();
  }

  /**
   * Issues an SVID and gives it with the bundles: what `staticX509Source` and its `update` take.
   *
   * @throws {@link SpiffeError} as `issue`, and as `X509Svid.fromPem` when a defect makes the SVID unfit.
   */
  async context(options: TestContextOptions = {}): Promise<TestContext> {
    const issued = await this.issue(options);
    return { svid: issued.svid(), bundles: testBundleSet(...(options.bundles ?? [this])) };
  }

  /**
   * Issues an SVID and gives a source of it, for code that takes an `X509Source`. Replace the identity with
   * `const { svid, bundles } = await ca.context(...); source.update(svid, bundles)`.
   *
   * @throws {@link SpiffeError} as `context`.
   */
  async source(options: TestContextOptions = {}): Promise<TestX509Source> {
    const { svid, bundles } = await this.context(options);
    return staticX509Source({ svid, bundles, clock: this.#parts.clock });
  }

  async #sign(
    plan: CertificatePlan,
    options: Pick<IssueOptions, 'key' | 'freshKey' | 'selfSigned'>,
  ): Promise<TestCertificateParts> {
    const keyPair = await takeKey(plan.keyType, options.key, options.freshKey ?? !isSlow(plan.keyType));
    const subjectKeyId = keyIdOf(keyPair.publicKey);
    const self = { subject: plan.subject, keyId: subjectKeyId, privateKey: keyPair.privateKey };
    const issuer = options.selfSigned === true ? self : this.#issuer();
    const leaf = await signCertificate({ ...plan, subjectKeyId }, keyPair.publicKey, issuer);
    const { notBefore, notAfter } = plan;
    const chainDer = options.selfSigned === true ? [leaf] : [leaf, ...this.chainDer];
    return { chainDer, keyPair, notBefore, notAfter };
  }

  #issuer(): Issuer & { readonly subject: Uint8Array } {
    const { keyId, keyPair } = this.#parts;
    return { subject: subjectOf(this.der), keyId, privateKey: keyPair.privateKey };
  }
}

function takeKey(
  keyType: AnyKeyType,
  given: webcrypto.CryptoKeyPair | undefined,
  fresh: boolean,
): Promise<webcrypto.CryptoKeyPair> {
  if (given === undefined) return fresh ? generateKey(keyType) : pooledKey(keyType);
  if (keyType !== 'rsa1024') return Promise.resolve(given);
  return Promise.reject(
    new SpiffeError('ERR_CONFIG_OPTION', 'want either option key or the defect weak-key, got both'),
  );
}

/** The DER subject of a certificate of this kit. */
function subjectOf(der: Uint8Array): Uint8Array {
  const [tbs] = derChildren(readDer(der).contents);
  const fields = derChildren(tbs?.contents ?? new Uint8Array());
  // A certificate of version 1 has no version field.
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject !== undefined) return subject.whole;
  throw new SpiffeError('ERR_SVID_CERTIFICATE_INVALID', 'want a certificate with a subject, got other DER');
}
