import {
  authorityKeyId,
  basicConstraints,
  type CertificateOptions,
  dns,
  extendedKeyUsage,
  extension,
  type ExtensionSet,
  type Issued,
  issueCa,
  issueSvid,
  keyUsage,
  nameConstraints,
  subjectAltName,
  subjectKeyId,
  uri,
} from '../pki/certificates.ts';
import { element, name } from '../pki/der.ts';
import { ecKey, ed25519Key, pssKey, rsaAlgorithm, rsaKey, signingWith, type TestKey } from '../pki/keys.ts';
import { type Random } from './random.ts';

/** One question to both verifiers. */
export interface Question {
  readonly kind: string;
  readonly chain: readonly Buffer[];
  readonly anchors: readonly Buffer[];
  readonly role: 'client' | 'server';
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY = '2.5.29.37.0';
const UNKNOWN = '1.3.6.1.4.1.55738.666.1';
const HOSTS = ['a.test', 'b.test', 'x.a.test', 'test', '.test', '.a.test'];
const SUBJECTS = ['one', 'two', 'three', 'four', 'five', 'six'];

/** Makes chains around a time, most of them nearly right. Certificates are signed with keys that are made once. */
export class RandomChains {
  readonly #random: Random;
  readonly #now: number;
  readonly #keys: readonly TestKey[];
  readonly #slow: readonly TestKey[];
  readonly #weak: readonly TestKey[];

  constructor(random: Random, now: number) {
    this.#random = random;
    this.#now = now;
    const rsa = rsaKey(2048);
    this.#keys = SUBJECTS.map((seed) => ed25519Key(seed));
    this.#slow = [
      ecKey('seven'),
      ecKey('eight', 'p384'),
      rsa,
      pssKey(rsa, { hash: 'sha256', saltLength: 32 }),
    ];
    this.#weak = [
      rsaKey(1024),
      signingWith(rsa, rsaAlgorithm('1.2.840.113549.1.1.5'), 'sha1'),
      ecKey('weak', 'k256'),
    ];
  }

  /** Each kind of question in turn. */
  next(index: number): Question {
    if (index % 3 === 0) return this.pki();
    return index % 3 === 1 ? this.straight() : this.mutated();
  }

  /** Roots, intermediates that sign for each other, and a leaf below one of them; some are shown and some trusted. */
  pki(): Question {
    const random = this.#random;
    const roots = this.#times(1, 3, () => this.#ca([]));
    const all = [...roots];
    for (let count = random.below(5); count > 0; count--) all.push(this.#ca(all));
    const leaf = this.#leaf(random.pick(random.chance(0.7) ? all.slice(-2) : all));
    const shown = random.shuffled(all).filter(() => random.chance(0.85));
    const trusted = [...roots, ...all.filter(() => random.chance(0.05))].filter(() => random.chance(0.9));
    return this.#question('pki', [leaf, ...shown], trusted);
  }

  /** A straight chain with at most a few things out of the ordinary. */
  straight(): Question {
    const random = this.#random;
    const chain = [this.#ca([])];
    for (let count = random.below(4); count > 0; count--) chain.unshift(this.#ca(chain.slice(0, 1)));
    const [top] = chain;
    if (top === undefined) throw new Error('no issuer');
    return this.#question('straight', [this.#leaf(top), ...chain.slice(0, -1)], chain.slice(-1));
  }

  /** A right chain, one certificate of which has other bytes here and there and is signed again. */
  mutated(): Question {
    const random = this.#random;
    const edit = (signed: Buffer): Buffer => this.#edited(signed);
    const at = random.below(4);
    const valid = this.#valid();
    const [rootKey, intKey, leafKey] = random.shuffled(this.#keys);
    if (rootKey === undefined || intKey === undefined || leafKey === undefined) throw new Error('no keys');
    const root = issueCa({ key: rootKey, subject: 'root', ...valid, ...(at === 0 ? { edit } : {}) });
    const constrained = { x: nameConstraints({ permitted: [uri('a.test'), dns('a.test')] }) };
    const int = issueCa({
      key: intKey,
      subject: 'intermediate',
      issuer: root,
      ...valid,
      extensions: {
        ...(random.chance(0.3) ? constrained : {}),
        pathLength: basicConstraints({ pathLength: 0 }),
        basicConstraints: undefined,
      },
      ...(at === 1 ? { edit } : {}),
    });
    const extensions = {
      subjectAltName: subjectAltName([
        uri('spiffe://a.test/web'),
        ...(random.chance(0.3) ? [dns('a.test')] : []),
      ]),
    };
    const leaf = issueSvid('', {
      key: leafKey,
      subject: 'leaf',
      issuer: int,
      ...valid,
      extensions,
      ...(at > 1 ? { edit } : {}),
    });
    return this.#question('mutated', [leaf, int], [root]);
  }

  #question(kind: string, chain: readonly Issued[], anchors: readonly Issued[]): Question {
    const role = this.#random.pick(['client', 'server'] as const);
    return { kind, chain: chain.map(({ der }) => der), anchors: anchors.map(({ der }) => der), role };
  }

  /** A CA below one of `issuers`, or self-signed. */
  #ca(issuers: readonly Issued[]): Issued {
    const random = this.#random;
    const key = this.#key();
    const issuer = issuers.length > 0 && random.chance(0.95) ? random.pick(issuers) : undefined;
    const names = random.chance(0.1)
      ? { names: subjectAltName([uri(`spiffe://${random.pick(HOSTS)}`)]) }
      : {};
    return issueCa({
      ...this.#common(issuer),
      key: issuer === undefined && random.chance(0.03) ? random.pick(this.#weak) : key,
      subject: random.pick(SUBJECTS),
      extensions: {
        ...names,
        ...this.#rarely(0.02, { keyUsage: random.pick([undefined, keyUsage(0), keyUsage(5), keyUsage(6)]) }),
        ...this.#rarely(0.04, {
          basicConstraints: random.pick([
            undefined,
            basicConstraints({ ca: false }),
            basicConstraints({ critical: false }),
          ]),
        }),
        ...this.#rarely(0.1, { basicConstraints: basicConstraints({ pathLength: random.below(3) }) }),
        ...this.#rarely(0.05, { extendedKeyUsage: this.#purposes() }),
        ...this.#rarely(0.1, { nameConstraints: this.#constraints() }),
        ...this.#rarely(0.1, {
          subjectKeyId: random.pick([undefined, subjectKeyId(Buffer.alloc(20, random.below(3)))]),
        }),
        ...this.#oddities(issuer),
      },
    });
  }

  #leaf(issuer: Issued): Issued {
    const random = this.#random;
    const names = random.chance(0.1) ? [dns(random.pick(['a.test', 'x.a.test', '*.a.test', 'b.test']))] : [];
    return issueSvid('', {
      ...this.#common(issuer),
      key: random.chance(0.02) ? random.pick(this.#weak) : this.#key(),
      subject: random.chance(0.05) ? '' : random.pick(['leaf', ...SUBJECTS]),
      extensions: {
        subjectAltName: subjectAltName([uri('spiffe://a.test/web'), ...names], random.chance(0.5)),
        ...this.#rarely(0.03, {
          keyUsage: random.pick([undefined, keyUsage(2), keyUsage(0, 5), keyUsage(0, 6)]),
        }),
        ...this.#rarely(0.03, { basicConstraints: basicConstraints({ ca: random.chance(0.7) }) }),
        ...this.#rarely(0.1, { extendedKeyUsage: random.pick([undefined, this.#purposes()]) }),
        ...this.#oddities(issuer),
      },
    });
  }

  #key(): TestKey {
    return this.#random.pick(this.#random.chance(0.1) ? this.#slow : this.#keys);
  }

  #common(issuer: Issued | undefined): Omit<CertificateOptions, 'key'> {
    const random = this.#random;
    const signer = issuer !== undefined && random.chance(0.02) ? { ...issuer, key: this.#key() } : issuer;
    return {
      ...(signer === undefined ? {} : { issuer: signer }),
      ...(random.chance(0.01) ? { issuerName: name(random.pick(SUBJECTS)) } : {}),
      ...(random.chance(0.02) ? { serial: 0 } : { serial: 1 + random.below(1000) }),
      ...this.#valid(),
      ...this.#rarely(0.03, { notAfter: this.#now - HOUR }),
      ...this.#rarely(0.02, { notBefore: this.#now + 3 * HOUR }),
    };
  }

  #oddities(issuer: Issued | undefined): ExtensionSet {
    const random = this.#random;
    const wrongId = authorityKeyId(Buffer.alloc(20, random.below(3)));
    return {
      ...this.#rarely(issuer === undefined ? 0 : 0.1, { authorityKeyId: random.pick([undefined, wrongId]) }),
      ...this.#rarely(0.02, { unknown: extension(UNKNOWN, element(0x05), random.chance(0.5)) }),
    };
  }

  #purposes(): Buffer {
    const random = this.#random;
    const some = [SERVER_AUTH, CLIENT_AUTH, ANY, '1.3.6.1.5.5.7.3.4'].filter(() => random.chance(0.5));
    return extendedKeyUsage(...(some.length === 0 ? [CLIENT_AUTH] : some));
  }

  #constraints(): Buffer {
    const random = this.#random;
    const trees = (): Buffer[] => this.#times(1, 2, () => random.pick([uri, uri, dns])(random.pick(HOSTS)));
    const both = random.below(3);
    return nameConstraints(
      { ...(both === 1 ? {} : { permitted: trees() }), ...(both === 0 ? {} : { excluded: trees() }) },
      random.chance(0.8),
    );
  }

  #valid(): { notBefore: number; notAfter: number } {
    return { notBefore: this.#now - DAY, notAfter: this.#now + DAY };
  }

  #rarely(probability: number, what: object): object {
    return this.#random.chance(probability) ? what : {};
  }

  #times<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.#random.below(most - least + 1) }, make);
  }

  #edited(signed: Buffer): Buffer {
    const edited = Buffer.from(signed);
    for (let count = 1 + this.#random.below(2); count > 0; count--) {
      // Not the outermost header: what follows would be cut off, and both refuse that.
      const at = 4 + this.#random.below(edited.length - 4);
      const octet = edited[at] ?? 0;
      edited[at] =
        this.#random.pick([
          octet ^ (1 << this.#random.below(8)),
          this.#random.below(256),
          octet + 1,
          octet - 1,
        ]) & 0xff;
    }
    return edited;
  }
}
