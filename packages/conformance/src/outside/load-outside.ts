import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { usageFailure } from '../exit-code.ts';
import { SPEC_COMMIT } from '../spec/spec-link.ts';
import { type VectorFile } from '../vectors/vector.ts';
import { limboSuite } from './limbo.ts';
import { type OutsideSuite } from './outside-suite.ts';
import { isAboutSignatures, wycheproofSignatureSuite } from './wycheproof-signature.ts';
import { wycheproofSuite } from './wycheproof.ts';

/** The kinds of outside data: which files of a folder are of it, and how they are read. */
const KINDS: Readonly<
  Record<string, { readonly names: RegExp; readonly read: (file: string) => OutsideSuite }>
> = {
  limbo: { names: /^limbo(?!-profile).*\.json$/, read: limboSuite },
  wycheproof: {
    names: /^(?:json_web_(?:signature|key|crypto)|ecdsa_\w+|rsa_signature_\w+|rsa_pss_\w+)_test\.json$/,
    read: (file) => (isAboutSignatures(file) ? wycheproofSignatureSuite(file) : wycheproofSuite(file)),
  },
};

/** Test data of others as suites of the kit, and what was left out of it. */
export interface OutsideData {
  readonly files: readonly VectorFile[];
  /** One line each. */
  readonly remarks: readonly string[];
}

/**
 * Reads test data of others, in place.
 *
 * @param sources - `limbo:PATH` or `wycheproof:PATH`; a path is a file, or a folder with files of their usual names.
 * @param kit - the version of the kit.
 * @throws {@link KitFailure} (exit code 2) for what cannot be read.
 */
export function loadOutside(sources: readonly string[], kit: string): OutsideData {
  const suites = sources.flatMap((source) => {
    const [, name = '', path = ''] = /^([a-z]+):(.+)$/.exec(source) ?? [];
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
    if (kind === undefined)
      throw usageFailure(
        `--outside wants ${Object.keys(KINDS).join(' or ')} and a path, as in limbo:./limbo.json`,
      );
    return filesOf(path, kind.names).map((file) => kind.read(file));
  });
  return {
    files: suites.map(({ suite, cases }) => ({
      format: 1,
      kit,
      suite,
      spec: { repo: 'https://github.com/spiffe/spiffe', commit: SPEC_COMMIT },
      cases,
    })),
    remarks: suites.flatMap(({ suite, omitted }) =>
      Array.from(omitted, ([why, number]) => `${suite}: ${number} left out (${why})`),
    ),
  };
}

function filesOf(path: string, names: RegExp): readonly string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw usageFailure(`${path}: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  if (!isFolder) return [path];
  const files = readdirSync(path).filter((name) => names.test(name));
  if (files.length === 0) throw usageFailure(`${path}: has no file of the usual names`);
  return files.toSorted().map((name) => join(path, name));
}
