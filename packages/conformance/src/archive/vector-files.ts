import { createHash } from 'node:crypto';

import { EXIT, KitFailure } from '../exit-code.ts';
import { isObject, type Json } from '../json.ts';
import { ownFile } from '../own-file.ts';
import { REVISIONS } from '../requirements/requirement-set.ts';
import { loadSuites, PROFILE_OF } from '../vectors/load-suites.ts';
import { type VectorFile } from '../vectors/vector.ts';

const SCHEMAS = ['vectors', 'protocol', 'results', 'known'];

/**
 * The vectors for whoever has no Node.js: as they are, with their schemas, each certificate as PEM, an index to count by,
 * and the SHA-256 of every file.
 *
 * @param version - of the kit.
 * @returns the text of each file by its path, sorted.
 */
export function vectorFiles(version: string): ReadonlyMap<string, string> {
  const suites = loadSuites();
  const folder = `spiffe-conformance-vectors-${version}`;
  const files = new Map<string, string>([
    ['INDEX.json', index(suites, version)],
    ['LICENSE', requireFile('LICENSE')],
    ['README.md', readme(suites, version)],
    ...suites.map(({ suite }) => shipped(`vectors/${suite}.json`)),
    ...SCHEMAS.map((name) => shipped(`schemas/${name}.v1.schema.json`)),
    ...REVISIONS.map((revision) => shipped(`requirements/${revision}.json`)),
    ...certificates(suites),
  ]);
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const sums = sorted.map(([path, text]) => `${createHash('sha256').update(text).digest('hex')}  ${path}\n`);
  return new Map(
    [...sorted, ['SHA256SUMS', sums.join('')] as const].map(([path, text]) => [`${folder}/${path}`, text]),
  );
}

function shipped(path: string): readonly [string, string] {
  return [path, requireFile(path)];
}

function index(suites: readonly VectorFile[], version: string): string {
  const cases = suites.flatMap((file) =>
    file.cases.map(({ id, level, op }) =>
      JSON.stringify({ id, file: `vectors/${file.suite}.json`, profile: PROFILE_OF[file.suite], level, op }),
    ),
  );
  const head = JSON.stringify({ format: 1, kit: version, count: cases.length }).slice(0, -1);
  return `${head},"cases":[\n${cases.join(',\n')}\n]}\n`;
}

/** Each certificate that a case has, by the SHA-256 of its DER, which is what its recipe is found by as well. */
function certificates(suites: readonly VectorFile[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { recipes = {}, cases } of suites) {
    for (const text of cases.flatMap(({ params }) => texts(params))) {
      const name = createHash('sha256').update(Buffer.from(text, 'base64')).digest('hex');
      if (!Object.hasOwn(recipes, name)) continue;
      const lines = (text.match(/.{1,64}/g) ?? []).join('\n');
      found.set(`certs/${name}.pem`, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
    }
  }
  return found;
}

function texts(value: Json): readonly string[] {
  if (typeof value === 'string') return [value];
  if (isObject(value)) return Object.values(value).flatMap((inner) => texts(inner));
  if (!Array.isArray(value)) return [];
  const entries: readonly Json[] = value;
  return entries.flatMap((inner) => texts(inner));
}

function readme(suites: readonly VectorFile[], version: string): string {
  const count = suites.reduce((sum, { cases }) => sum + cases.length, 0);
  return `# Vectors of the SPIFFE conformance kit ${version}

${count} cases in ${suites.length} suites, to be looped over in the tests of a library. They are the bytes that the kit has.

- \`vectors/*.json\`: the cases, by suite; \`schemas/vectors.v1.schema.json\` says what stands in them.
- \`certs/<SHA-256 of the DER>.pem\`: the certificates among them. \`recipes\` in the vectors says how each was made.
- \`requirements/*.json\`: the cases that a profile needs, by revision of the standards.
- \`INDEX.json\`: every case with its file, level and operation. \`count\` is how many there are.
- \`SHA256SUMS\`: \`sha256sum --check SHA256SUMS\`.

Fail on another \`format\`, skip an \`op\` that you do not have, pass over members that you do not know, and count what you
ran. A case with \`"time":{"mode":"fixed"}\` is to be judged at its \`at\`; all others hold for every clock from 2026 to 2099.
A case that expects a rejection counts only when its \`control\` is accepted.

Only results of the kit's runner back a claim. The keys are published: trust nothing that they sign. Apache-2.0, the
vectors too.
`;
}

function requireFile(path: string): string {
  const text = ownFile(path);
  if (text === undefined) throw new KitFailure(EXIT.kit, `${path} is not beside this program`);
  return text;
}
