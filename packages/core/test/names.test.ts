import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Certificate } from '../src/certificate.ts';
import { decodeText } from '../src/der/text.ts';
import { outcomeOf } from './failure-of.ts';
import { dns, issueSvid, subjectAltName, uri } from './pki/certificates.ts';
import { element, oid, sequence, set } from './pki/der.ts';
import { ed25519Key } from './pki/keys.ts';

const KEY = ed25519Key('names');
const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
/** Tags of the string types of names. */
const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const TELETEX = 0x14;
const IA5 = 0x16;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;

const attribute = (type: string, tag: number, value: Buffer): Buffer =>
  sequence(oid(type), element(tag, value));
const nameOf = (...relative: readonly Buffer[]): Buffer => sequence(...relative);
const withSubject = (subject: Buffer): Certificate =>
  Certificate.parse(issueSvid('spiffe://a.test/web', { key: KEY, subject }).der);
const commonName = (tag: number, value: Buffer): string | undefined =>
  withSubject(nameOf(set(attribute(COMMON_NAME, tag, value)))).commonName;

/** Each character in two octets, the higher one first. */
const bmp = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
const universal = (text: string): Buffer =>
  Buffer.concat(
    Array.from(text, (one) => {
      const point = Buffer.alloc(4);
      point.writeUInt32BE(one.codePointAt(0) ?? 0);
      return point;
    }),
  );

describe('the common name', () => {
  test.for<[string, number, Buffer, string]>([
    ['UTF8String', UTF8, Buffer.from('wéb'), 'wéb'],
    ['PrintableString', PRINTABLE, Buffer.from('web'), 'web'],
    ['TeletexString', TELETEX, Buffer.from('w\u00E9b', 'latin1'), 'wéb'],
    ['IA5String', IA5, Buffer.from('web'), 'web'],
    ['BMPString', BMP, bmp('wéb'), 'wéb'],
    ['UniversalString', UNIVERSAL, universal('w\u{1F600}b'), 'w\u{1F600}b'],
  ])('of type %s is read', ([, tag, value, wanted]) => {
    expect(commonName(tag, value)).toBe(wanted);
  });

  test('is the one of the subject, wherever it stands in it', () => {
    const organization = set(attribute(ORGANIZATION, UTF8, Buffer.from('A')));
    const web = attribute(COMMON_NAME, UTF8, Buffer.from('web'));
    expect(withSubject(nameOf(organization, set(web))).commonName).toBe('web');
    expect(withSubject(nameOf(set(web, attribute(ORGANIZATION, UTF8, Buffer.from('A'))))).commonName).toBe(
      'web',
    );
  });

  test('is undefined where there is none, or more than one to choose from', () => {
    const web = attribute(COMMON_NAME, UTF8, Buffer.from('web'));
    const admin = attribute(COMMON_NAME, UTF8, Buffer.from('admin'));
    expect(
      withSubject(nameOf(set(attribute(ORGANIZATION, UTF8, Buffer.from('A'))))).commonName,
    ).toBeUndefined();
    expect(withSubject(nameOf(set(web), set(admin))).commonName).toBeUndefined();
    expect(withSubject(nameOf(set(admin, web))).commonName).toBeUndefined();
    expect(withSubject(nameOf(set(web), set(web))).commonName).toBeUndefined();
  });

  test('is all of it, with whatever is in the middle', () => {
    expect(commonName(UTF8, Buffer.from('web\0.evil'))).toBe('web\0.evil');
    expect(commonName(UTF8, Buffer.from('web\0'))).not.toBe('web');
  });

  test('of any text comes back as it was, in each type that can hold it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(commonName(UTF8, Buffer.from(text))).toBe(text);
        expect(commonName(UNIVERSAL, universal(text))).toBe(text);
      }),
    );
  });

  test('text that is no text of its type makes no certificate, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(UTF8, PRINTABLE, TELETEX, IA5, BMP, UNIVERSAL, 0x04, 0x30),
        fc.uint8Array({ maxLength: 24 }),
        (tag, bytes) => {
          let read: string | undefined;
          const outcome = outcomeOf(() => (read = commonName(tag, Buffer.from(bytes))));
          expect(outcome).toBe(read === undefined ? 'ERR_CERTIFICATE_INVALID' : 'accepted');
          expect(read ?? '').toBe(read === undefined ? '' : decodeText(tag, Buffer.from(bytes)));
        },
      ),
    );
  });
});

describe('DNS names', () => {
  test('are those among the alternative names, in their order and spelling', () => {
    const names = [dns('Web.a.test'), uri('spiffe://a.test/web'), dns('*.b.test')];
    const { der } = issueSvid('unused:', { key: KEY, extensions: { subjectAltName: subjectAltName(names) } });
    const certificate = Certificate.parse(der);
    expect(certificate.dnsNames).toEqual(['Web.a.test', '*.b.test']);
    expect(certificate.uriSans).toEqual(['spiffe://a.test/web']);
  });

  test('are none without alternative names, whatever the common name', () => {
    const { der } = issueSvid('unused:', {
      key: KEY,
      subject: 'web.a.test',
      extensions: { subjectAltName: undefined },
    });
    expect(Certificate.parse(der).dnsNames).toEqual([]);
    expect(Certificate.parse(der).commonName).toBe('web.a.test');
  });

  test('of any ASCII come back as they were; others make no certificate', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const value = Buffer.from(bytes);
        const names = subjectAltName([element(0x82, value), uri('spiffe://a.test/web')]);
        const { der } = issueSvid('unused:', { key: KEY, extensions: { subjectAltName: names } });
        let read: readonly string[] = [];
        const outcome = outcomeOf(() => (read = Certificate.parse(der).dnsNames));
        const isAscii = value.every((octet) => octet < 0x80);
        expect(outcome).toBe(isAscii ? 'accepted' : 'ERR_CERTIFICATE_INVALID');
        expect(read).toEqual(isAscii ? [value.toString('latin1')] : []);
      }),
    );
  });
});
