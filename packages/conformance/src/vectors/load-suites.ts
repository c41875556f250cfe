import { readFileSync } from 'node:fs';

import { EXIT, KitFailure } from '../exit-code.ts';
import { type VectorFile } from './vector.ts';

/** The suites, in the order in which they run: what later ones rest on comes first. */
const SUITES = [
  'spiffe-id',
  'trust-domain',
  'authorizer',
  'x509-svid',
  'bundle-pem',
  'bundle-json',
  'bundle-map',
  'jwks',
  'x509-verify',
  'jwt-svid',
  'wit-svid',
  'wit-proof',
  'endpoint',
] as const;

/** The profile each suite counts for. Nobody can claim those that end with `-incubating`. */
export const PROFILE_OF: Readonly<Record<string, string>> = {
  'spiffe-id': 'core',
  'trust-domain': 'core',
  authorizer: 'core',
  'x509-svid': 'core',
  'bundle-pem': 'core',
  'bundle-json': 'core',
  'bundle-map': 'core',
  jwks: 'jwt',
  'x509-verify': 'core',
  'jwt-svid': 'jwt',
  'wit-svid': 'wit-incubating',
  'wit-proof': 'wit-incubating',
  endpoint: 'workload-api',
  'workload-api': 'workload-api',
  'wit-client': 'wit-incubating',
  'mount-layout': 'mount',
  rotation: 'mount',
  'mtls-server': 'mtls-server',
  'mtls-client': 'mtls-client',
  migration: 'migration',
  federation: 'federation',
};

/**
 * Reads the vectors of all suites, which lie beside the program.
 *
 * @throws {@link KitFailure} when they cannot be read.
 */
export function loadSuites(): readonly VectorFile[] {
  return SUITES.map((suite) => {
    // One folder up from `src/vectors` is `src`, from the bundle `dist` it is the package.
    for (const folder of ['../vectors/', '../../vectors/']) {
      const file = read(new URL(`${folder}${suite}.json`, import.meta.url));
      if (file !== undefined) return file;
    }
    throw new KitFailure(EXIT.kit, `the vectors of ${suite} are not beside this program`);
  });
}

function read(url: URL): VectorFile | undefined {
  let text: string;
  try {
    text = readFileSync(url, 'utf8');
  } catch {
    return undefined;
  }
  const file: unknown = JSON.parse(text);
  if (!isVectorFile(file)) throw new KitFailure(EXIT.kit, `${url.pathname} is no vector file of format 1`);
  return file;
}

// Our own data, held to its schema by the tests.
function isVectorFile(value: unknown): value is VectorFile {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === 1;
}
