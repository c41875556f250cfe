import { type Level, type SpecReference } from '../../src/vectors/vector.ts';
import { type Draft, ok, reject } from '../draft.ts';
import { type Certificate } from '../pki/certificate.ts';
import { pem } from '../pki/der.ts';
import { type Key, pkcs8Of } from '../pki/keys.ts';
import { RecipeBook } from '../pki/recipe-book.ts';
import { ID, LEAF_KEY } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';

/** How the certificates of the suite were made. */
export const SVID_BOOK: RecipeBook = new RecipeBook();

/** The usual twin. */
const CONTROL = 'accept/leaf-only';

/** What differs from case to case. */
export interface SvidPlan {
  /** The leaf first; what the answer has to name. */
  readonly chain: readonly Certificate[];
  /** The text of the certificates, where it is not just the chain. */
  readonly cert?: string;
  readonly key?: Key;
  /** The text of the key, where it is not just PKCS#8. */
  readonly keyText?: string;
  readonly level?: Level;
  readonly spec?: readonly SpecReference[];
  readonly why?: string;
  readonly features?: readonly string[];
  readonly control?: string;
}

/** Certificates as PEM. */
export function certificatesPem(chain: readonly Certificate[]): string {
  return chain.map(({ der }) => pem('CERTIFICATE', der)).join('');
}

/** A key as PKCS#8 PEM. */
export function keyPem(key: Key): string {
  return pem('PRIVATE KEY', pkcs8Of(key));
}

/** What reading a good SVID gives. */
export function readSvid(chain: readonly Certificate[]): ReturnType<typeof ok> {
  return ok({ id: ID, chainSha256: chain.map((one) => SVID_BOOK.fingerprint(one)) });
}

/** A case that wants an SVID to be read. */
export function accept(row: number, id: string, title: string, plan: SvidPlan): Draft {
  const { chain, level = 'must', spec = [SPEC.workloadApi('5.1')], why, features } = plan;
  const cert = plan.cert ?? certificatesPem(chain);
  const key = plan.keyText ?? keyPem(plan.key ?? LEAF_KEY);
  return {
    row,
    id,
    title,
    why,
    level,
    spec,
    features,
    op: 'svid.parsePem',
    params: { cert, key },
    expect: readSvid(chain),
  };
}

/** A case that wants one to be refused, for one of `codes`. */
export function refuse(
  row: number,
  id: string,
  title: string,
  codes: readonly string[],
  plan: SvidPlan,
): Draft {
  for (const one of plan.chain) SVID_BOOK.fingerprint(one);
  return { ...accept(row, id, title, plan), control: plan.control ?? CONTROL, expect: reject(...codes) };
}

/** The same case with DER, as the Workload API delivers it. */
export function asDer(draft: Draft, chain: readonly Buffer[], key: Buffer): Draft {
  return {
    ...draft,
    id: `${draft.id}[form=der]`,
    op: 'svid.parseDer',
    params: { certB64: Buffer.concat(chain).toString('base64'), keyB64: key.toString('base64') },
    ...(draft.control === undefined ? {} : { control: `${draft.control}[form=der]` }),
  };
}
