import { type XfccElement } from '../src/index.ts';

/** Writes elements as a proxy does. */
export function renderXfcc(elements: readonly XfccElement[]): string {
  return elements
    .map(({ by, hash, cert, chain, subject, uri, dns }) =>
      [
        ...by.map((value) => pair('By', value)),
        ...(hash === undefined ? [] : [pair('Hash', hash)]),
        ...(cert === undefined ? [] : [pair('Cert', cert)]),
        ...(chain === undefined ? [] : [pair('Chain', chain)]),
        ...(subject === undefined ? ['Subject=""'] : [pair('Subject', subject)]),
        ...uri.map((value) => pair('URI', value)),
        ...dns.map((value) => pair('DNS', value)),
      ].join(';'),
    )
    .join(',');
}

function pair(key: string, value: string): string {
  return /[\s"\\,;=]/.test(value) ? `${key}="${value.replaceAll(/["\\]/g, '\\$&')}"` : `${key}=${value}`;
}
