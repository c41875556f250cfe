import { EXIT, KitFailure } from '../exit-code.ts';
import { ownFile } from '../own-file.ts';

/** A sentence of the standards that somebody has to follow. */
export interface Clause {
  /** `X-11`. Never used again for another one. */
  readonly id: string;
  readonly doc: string;
  readonly section: string;
  readonly level: 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'none';
  /** What it wants, in our words. */
  readonly text: string;
  /** The rows of the catalogue that test it. */
  readonly rows?: readonly number[];
  /** Why there can be no case for it: a name from {@link ClauseFile.reasons}. */
  readonly reason?: string;
}

/** The sentences, and the reasons why some of them cannot be tested. */
export interface ClauseFile {
  readonly format: 1;
  readonly spec: { readonly repo: string; readonly commit: string };
  readonly reasons: Readonly<Record<string, string>>;
  readonly clauses: readonly Clause[];
}

/** What has come of the catalogue: `coverage.json`. */
export interface CatalogueCoverage {
  readonly sections: readonly {
    readonly name: string;
    readonly from: number;
    readonly to: number;
    readonly finished: boolean;
  }[];
  /** By the number of the row: ids of cases, or `later: ` and why there are none. */
  readonly rows: Readonly<Record<string, readonly string[] | string>>;
}

/**
 * Reads the sentences and what has come of the catalogue, which lie beside the program.
 *
 * @throws {@link KitFailure} when they cannot be read.
 */
export function loadClauses(): { readonly file: ClauseFile; readonly catalogue: CatalogueCoverage } {
  const [file, catalogue] = ['clauses.json', 'coverage.json'].map((name): unknown =>
    JSON.parse(ownFile(name) ?? 'null'),
  );
  if (isClauseFile(file) && isCatalogue(catalogue)) return { file, catalogue };
  throw new KitFailure(EXIT.kit, 'clauses.json and coverage.json are not beside this program');
}

// Our own data, held to its form by the tests.
function isClauseFile(value: unknown): value is ClauseFile {
  return typeof value === 'object' && value !== null && 'clauses' in value;
}

function isCatalogue(value: unknown): value is CatalogueCoverage {
  return typeof value === 'object' && value !== null && 'sections' in value;
}
