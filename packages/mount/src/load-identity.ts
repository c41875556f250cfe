import { parsePem, SpiffeError, type SpiffeErrorCode, X509Svid } from '@svidkit/core';

import { type MountPlan } from './detect.ts';
import { type MountedFile, type GenerationReader, identityPurposes } from './read-generation.ts';

/** The files of an identity, as read; `svid` makes the identity of them. */
export interface IdentityRead {
  readonly files: readonly MountedFile[];
  /** Which of `files` holds the key. */
  readonly keyFile: MountedFile;
  /** Which of `files` holds the chain; can be the same. */
  readonly certFile: MountedFile;
}

/**
 * Reads the files of the identity.
 *
 * @throws {@link SpiffeError} as {@link GenerationReader.read}.
 */
export async function readIdentity(plan: MountPlan, reader: GenerationReader): Promise<IdentityRead> {
  const files: MountedFile[] = [];
  for (const [path, purpose] of identityPurposes(plan)) files.push(await reader.read(path, purpose));
  const [certFile] = files;
  const keyFile = files.at(-1);
  if (certFile === undefined || keyFile === undefined) throw new TypeError('a plan without files');
  return { files, certFile, keyFile };
}

/**
 * Parses what was read. The key bytes are overwritten afterwards.
 *
 * @throws {@link SpiffeError} `ERR_PEM_INVALID`, `ERR_SVID_CERTIFICATE_INVALID`, `ERR_SVID_KEY_INVALID`,
 * `ERR_SVID_KEY_ENCRYPTED`, `ERR_SVID_KEY_MISMATCH`, `ERR_SVID_URI_SAN`, `ERR_SVID_LEAF_PROFILE`. The message
 * names the file.
 */
export function parseIdentity(plan: MountPlan, { certFile, keyFile }: IdentityRead): X509Svid {
  try {
    if (plan.strictBundle) requireStrictBundle(keyFile);
    return X509Svid.fromPem({
      certificates: certFile.bytes,
      privateKey: keyFile.bytes,
      file: certFile.path,
      keyFile: keyFile.path,
    });
  } catch (error) {
    throw namingFile(error, certFile.path);
  } finally {
    keyFile.bytes.fill(0);
  }
}

/** What to do about files that are whole but no identity. */
const HINTS: Readonly<Partial<Record<SpiffeErrorCode, string>>> = {
  ERR_PEM_INVALID: 'Look whether the file was written completely, and whether it is PEM at all.',
  ERR_SVID_CERTIFICATE_INVALID: 'Look at what the issuer signed: svidkit inspect shows it.',
  ERR_SVID_KEY_INVALID: 'Let the writer put one private key there: PKCS#8, SEC1 or PKCS#1, not encrypted.',
  ERR_SVID_KEY_ENCRYPTED:
    'Let the writer store the key without a passphrase; the volume keeps it from others.',
  ERR_SVID_URI_SAN: 'Let the issuer put exactly one URI into the certificate, the SPIFFE ID of the workload.',
  ERR_SVID_LEAF_PROFILE: 'Let the issuer sign a leaf by the X.509-SVID standard: no CA, digitalSignature.',
  ERR_BUNDLE_INVALID: 'A bundle is PEM with CERTIFICATE blocks only, all of them whole.',
};

/** The same error with the file in its message and a hint, where they are not there yet. */
export function namingFile(error: unknown, path: string): unknown {
  if (!(error instanceof SpiffeError)) return error;
  const file = error.file ?? path;
  const hint = error.hint ?? HINTS[error.code];
  if (error.message.includes(file) && hint === error.hint) return error;
  const message = error.message.includes(file) ? error.message : `${file}: ${error.message}`;
  return new SpiffeError(error.code, message, {
    file,
    cause: error,
    blame: error.blame,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * SPIFFE Filesystem Delivery (draft): a private key in PKCS#8, then certificates; no other blocks, no headers, and
 * nothing between the blocks.
 */
function requireStrictBundle({ bytes, path }: MountedFile): void {
  const labels = parsePem(bytes, { file: path }).map(({ label }) => label);
  const [first, ...rest] = labels;
  const isInOrder =
    first === 'PRIVATE KEY' && rest.length > 0 && rest.every((label) => label === 'CERTIFICATE');
  const between = bytes.toString('latin1').replaceAll(/-----BEGIN ([^-]+)-----[^:]*?-----END \1-----/g, '');
  if (isInOrder && between.trim() === '') return;
  const got = isInOrder ? 'text or headers beside its blocks' : `blocks ${labels.join(', ') || '(none)'}`;
  throw new SpiffeError(
    'ERR_PEM_INVALID',
    `want PRIVATE KEY and then CERTIFICATE blocks alone in ${path}, got ${got}`,
    {
      hint: 'Name the file with option files.credentialBundle if it does not follow the SPIFFE filesystem draft.',
      file: path,
    },
  );
}
