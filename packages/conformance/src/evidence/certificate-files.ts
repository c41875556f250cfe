import { createHash, X509Certificate } from 'node:crypto';

import { isObject, type Json } from '../json.ts';

type Recipes = Readonly<Record<string, Json>>;

/** A file that shows what is among the parameters of a case. */
interface ShownFile {
  readonly name: string;
  readonly text: string;
}

/**
 * The certificates among the parameters of a case, as PEM and in words, and PEM texts as they are.
 *
 * @param value - the parameters.
 * @param recipes - how certificates were made, by the SHA-256 of their DER.
 */
export function certificateFiles(value: Json, recipes: Recipes, where = ''): readonly ShownFile[] {
  if (typeof value === 'string') return filesOf(value, recipes, where);
  if (isObject(value)) {
    return Object.entries(value).flatMap(([name, inner]) =>
      certificateFiles(inner, recipes, where === '' ? name : `${where}.${name}`),
    );
  }
  if (!Array.isArray(value)) return [];
  const entries: readonly Json[] = value;
  return entries
    .slice(0, 50)
    .flatMap((inner, index) => certificateFiles(inner, recipes, `${where}.${index}`));
}

function filesOf(value: string, recipes: Recipes, where: string): readonly ShownFile[] {
  const name = where.replaceAll(/[^\w.-]/g, '_');
  if (value.includes('-----BEGIN ')) return [{ name: `${name}.pem`, text: value }];
  if (value.length < 64 || !/^[A-Za-z0-9+/]+=*$/.test(value)) return [];
  const der = Buffer.from(value, 'base64');
  const recipe = recipes[createHash('sha256').update(der).digest('hex')];
  const words = inWords(der);
  if (recipe === undefined && words === undefined) return [];
  const lines = (value.match(/.{1,64}/g) ?? []).join('\n');
  const made = recipe === undefined ? '' : `made by: ${JSON.stringify(recipe, null, 1)}\n`;
  return [
    { name: `${name}.pem`, text: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n` },
    { name: `${name}.txt`, text: `${words ?? 'OpenSSL cannot read it.\n'}${made}` },
  ];
}

function inWords(der: Buffer): string | undefined {
  try {
    const one = new X509Certificate(der);
    return [
      `subject: ${one.subject.replaceAll('\n', ', ')}`,
      `issuer: ${one.issuer.replaceAll('\n', ', ')}`,
      `names: ${one.subjectAltName ?? 'none'}`,
      `valid: ${one.validFrom} to ${one.validTo}`,
      `CA: ${one.ca}`,
      `serial: ${one.serialNumber}`,
      `SHA-256: ${one.fingerprint256}`,
      '',
    ].join('\n');
  } catch {
    return undefined;
  }
}
