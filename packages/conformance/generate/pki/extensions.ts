import { createHash } from 'node:crypto';

import { type Json } from '../../src/json.ts';
import { bits, boolean, element, integer, octets, oid, sequence, set, text } from './der.ts';
import { type Key } from './keys.ts';

/** An extension, and how its recipe tells it. */
export interface Extension {
  readonly der: Buffer;
  readonly recipe: Json;
}

/** Bit numbers of KeyUsage. */
const USAGES = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const;
const PURPOSES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2', any: '2.5.29.37.0' } as const;

/** Any extension. */
export function extension(dotted: string, value: Uint8Array, isCritical: boolean, recipe: Json): Extension {
  const der = sequence(oid(dotted), ...(isCritical ? [boolean(true)] : []), octets(value));
  return { der, recipe };
}

/** Basic constraints; critical. */
export function basic(ca: boolean, pathLen?: number): Extension {
  const content = [...(ca ? [boolean(true)] : []), ...(pathLen === undefined ? [] : [integer(pathLen)])];
  const recipe = { ca, ...(pathLen === undefined ? {} : { pathLen }) };
  return extension('2.5.29.19', sequence(...content), true, recipe);
}

/** Key usage. */
export function usage(names: readonly (keyof typeof USAGES)[], isCritical = true): Extension {
  const numbers: readonly number[] = names.map((name) => USAGES[name]);
  const octet = numbers.reduce((sum, number) => sum | (0x80 >> number), 0);
  const recipe = isCritical ? names : { usages: names, critical: false };
  return extension('2.5.29.15', bits(Buffer.from([octet]), 7 - Math.max(...numbers)), isCritical, recipe);
}

/** Extended key usage. */
export function eku(...names: readonly (keyof typeof PURPOSES)[]): Extension {
  return extension('2.5.29.37', sequence(...names.map((name) => oid(PURPOSES[name]))), false, names);
}

/** A general name: `uri:`, `dns:`, `email:`, `ip:` (hexadecimal), `other:`, `registered:`, `utf8-uri:` for a wrong tag. */
function generalName(name: string): Buffer {
  const [kind = '', ...rest] = name.split(':');
  const value = rest.join(':');
  switch (kind) {
    case 'uri':
      return text(0x86, value);
    case 'dns':
      return text(0x82, value);
    case 'email':
      return text(0x81, value);
    case 'ip':
      return element(0x87, Buffer.from(value, 'hex'));
    case 'other':
      return element(0xa0, oid('1.3.6.1.4.1.311.20.2.3'), element(0xa0, text(0x0c, value)));
    case 'registered':
      return element(0x88, oid(value).subarray(2));
    case 'directory':
      return element(0xa4, distinguishedName(value));
    case 'utf8-uri':
      return text(0x0c, value);
    default:
      throw new Error(`no kind of name: ${kind}`);
  }
}

/** Subject alternative names. */
export function san(names: readonly string[], isCritical = false): Extension {
  const recipe = isCritical ? { names, critical: true } : names;
  return extension('2.5.29.17', sequence(...names.map((name) => generalName(name))), isCritical, recipe);
}

/** Name constraints; critical. */
export function constraints(trees: {
  readonly permitted?: readonly string[];
  readonly excluded?: readonly string[];
}): Extension {
  const { permitted = [], excluded = [] } = trees;
  const value = sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded));
  return extension('2.5.29.30', value, true, { ...trees });
}

/** Subject key identifier. */
export function subjectKeyId(key: Key): Extension {
  return extension('2.5.29.14', octets(keyId(key)), false, `of ${key.name}`);
}

/** Authority key identifier. */
export function authorityKeyId(key: Key): Extension {
  return extension('2.5.29.35', sequence(element(0x80, keyId(key))), false, `of ${key.name}`);
}

/** An extension that nobody knows. */
export function unknownExtension(isCritical: boolean, size = 2): Extension {
  const value = octets(Buffer.alloc(size, 0x61));
  return extension('1.3.6.1.4.1.55555.1', value, isCritical, { critical: isCritical, bytes: size });
}

/** A distinguished name with one common name; the empty name for an empty text. */
export function distinguishedName(commonName: string): Buffer {
  return commonName === '' ? sequence() : sequence(set(sequence(oid('2.5.4.3'), text(0x0c, commonName))));
}

function subtrees(tag: number, names: readonly string[]): readonly Buffer[] {
  return names.length === 0 ? [] : [element(tag, ...names.map((name) => sequence(generalName(name))))];
}

function keyId({ spki }: Key): Buffer {
  return createHash('sha1').update(spki).digest();
}
