import { type JsonObject } from '../../src/json.ts';
import { type Level, type SpecReference } from '../../src/vectors/vector.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { type Certificate } from '../pki/certificate.ts';
import { RecipeBook } from '../pki/recipe-book.ts';
import { ID, ROOT, TD } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';

/** How the certificates of the suite were made. */
export const VERIFY_BOOK: RecipeBook = new RecipeBook();

/** The usual twin. */
const CONTROL = 'accept/direct-root';

/** What differs from case to case. */
export interface VerifyPlan {
  readonly chain: readonly (Certificate | Buffer)[];
  /** Default: the root of example.org. */
  readonly bundles?: Readonly<Record<string, readonly Certificate[]>>;
  /** Which side of a connection the peer is on; the client where nothing is said. */
  readonly role?: 'client' | 'server';
  readonly authorize?: JsonObject;
  readonly id?: string;
  readonly level?: Level;
  readonly spec?: readonly SpecReference[];
  readonly why?: string;
  readonly features?: readonly string[];
  readonly at?: string;
  readonly deadlineMs?: number;
  readonly control?: string;
}

/** A call that verifies a chain. */
function verifyParams({ chain, bundles = { [TD]: [ROOT] }, role, authorize }: VerifyPlan): JsonObject {
  return {
    chain: chain.map((one) => (Buffer.isBuffer(one) ? one.toString('base64') : VERIFY_BOOK.base64(one))),
    bundles: Object.fromEntries(
      Object.entries(bundles).map(([td, roots]) => [td, roots.map((one) => VERIFY_BOOK.base64(one))]),
    ),
    ...(role === undefined ? {} : { role }),
    ...(authorize === undefined ? {} : { authorize }),
  };
}

/** A case that wants a chain to be accepted. */
export function accept(row: number, id: string, title: string, plan: VerifyPlan): Draft {
  const { level = 'must', spec = [SPEC.path], why, features, at, deadlineMs } = plan;
  return {
    row,
    id,
    title,
    why,
    level,
    spec,
    features,
    at,
    deadlineMs,
    op: 'x509.verify',
    params: verifyParams(plan),
    expect: ok({ id: plan.id ?? ID }),
  };
}

/** A case that wants a chain to be rejected, for one of `codes`. */
export function refuse(
  row: number,
  id: string,
  title: string,
  codes: readonly string[],
  plan: VerifyPlan,
): Draft {
  return { ...accept(row, id, title, plan), control: plan.control ?? CONTROL, expect: reject(...codes) };
}

/** A case that hangs on what is in the certificate of an authority: it may be processed, or ignored. */
export function ofAnchor(refused: Draft): Draft {
  const { expect } = refused;
  if (!('reject' in expect)) throw new TypeError(`${refused.id} wants no rejection`);
  return {
    ...refused,
    level: 'choice',
    spec: [SPEC.anchorIsFree],
    expect: choice({ refused: expect, accepted: ok({ id: ID }) }),
  };
}
