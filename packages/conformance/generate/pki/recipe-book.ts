import { createHash } from 'node:crypto';

import { type Json } from '../../src/json.ts';
import { type Certificate } from './certificate.ts';

/** Writes certificates into parameters, and keeps how each was made. */
export class RecipeBook {
  readonly recipes = new Map<string, Json>();

  /** The DER in base64. */
  base64(certificate: Certificate): string {
    this.#keep(certificate);
    return certificate.der.toString('base64');
  }

  /** SHA-256 of the DER in hexadecimal digits. */
  fingerprint(certificate: Certificate): string {
    return this.#keep(certificate);
  }

  #keep({ der, recipe }: Certificate): string {
    const fingerprint = createHash('sha256').update(der).digest('hex');
    this.recipes.set(fingerprint, recipe);
    return fingerprint;
  }
}
