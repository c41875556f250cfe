import { spawnSync } from 'node:child_process';
import { chmod, rm, symlink, truncate, writeFile } from 'node:fs/promises';

import { type SpiffeErrorCode } from '@svidkit/core';
import { createTestCa, mountFiles, type TestSvid } from '@svidkit/testkit';

import { documentOf, mapOf } from './bundle-documents.ts';
import { type ReaderFixture } from './reader-fixture.ts';

/** One way in which the files of a mount can be bad. */
export interface BadInput {
  readonly name: string;
  /** The code of the error that it gives. */
  readonly code: SpiffeErrorCode;
  /** The file that the error names. */
  readonly file: 'tls.crt' | 'tls.key' | 'ca.crt';
  /** Spoils `mount`, which holds a good identity; `svid` is another good one for the same workload. */
  readonly spoil: (fixture: ReaderFixture, svid: TestSvid) => Promise<unknown>;
  /** Whether it is only told, and used all the same. */
  readonly isWarning?: boolean;
}

const put = ({ path }: ReaderFixture, files: Readonly<Record<string, string>>): Promise<unknown> =>
  Promise.all(Object.entries(files).map(([name, content]) => writeFile(path(`mount/${name}`), content)));

/** Puts the whole pair of `svid` there, with parts of it replaced. */
const putPair = (
  fixture: ReaderFixture,
  svid: TestSvid,
  changed: Readonly<Record<string, string>> = {},
): Promise<unknown> => put(fixture, { ...mountFiles.secret(svid, fixture.ca), ...changed });

/** Everything that is listed as bad input, and what goes wrong in practice beyond it. */
export const BAD_INPUTS: readonly BadInput[] = [
  {
    name: 'a missing certificate',
    code: 'ERR_MOUNT_NOT_FOUND',
    file: 'tls.crt',
    spoil: ({ path }) => rm(path('mount/tls.crt')),
  },
  {
    name: 'a missing key',
    code: 'ERR_MOUNT_NOT_FOUND',
    file: 'tls.key',
    spoil: ({ path }) => rm(path('mount/tls.key')),
  },
  {
    name: 'a missing bundle',
    code: 'ERR_MOUNT_NOT_FOUND',
    file: 'ca.crt',
    spoil: ({ path }) => rm(path('mount/ca.crt')),
  },
  {
    name: 'an empty certificate',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    file: 'tls.crt',
    spoil: (fixture) => put(fixture, { 'tls.crt': '' }),
  },
  {
    name: 'an empty key',
    code: 'ERR_SVID_KEY_INVALID',
    file: 'tls.key',
    spoil: (fixture) => put(fixture, { 'tls.key': '' }),
  },
  {
    name: 'an empty bundle',
    code: 'ERR_BUNDLE_EMPTY',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': '' }),
  },
  {
    name: 'a truncated certificate',
    code: 'ERR_PEM_INVALID',
    file: 'tls.crt',
    spoil: (fixture, { certPem }) => put(fixture, { 'tls.crt': certPem.slice(0, -40) }),
  },
  {
    name: 'a truncated key',
    code: 'ERR_PEM_INVALID',
    file: 'tls.key',
    spoil: (fixture, { keyPem }) => put(fixture, { 'tls.key': keyPem.slice(0, 120) }),
  },
  {
    name: 'a truncated bundle',
    code: 'ERR_PEM_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': fixture.ca.pem.slice(0, -40) }),
  },
  {
    name: 'a key of another certificate',
    code: 'ERR_SVID_KEY_MISMATCH',
    file: 'tls.crt',
    spoil: (fixture, { keyPem }) => put(fixture, { 'tls.key': keyPem }),
  },
  {
    name: 'a key that is not base64',
    code: 'ERR_PEM_INVALID',
    file: 'tls.key',
    spoil: (fixture, { keyPem }) => put(fixture, { 'tls.key': keyPem.replace(/\n(.{20})/, '\n$1!!') }),
  },
  {
    name: 'a key whose content is damaged',
    code: 'ERR_SVID_KEY_INVALID',
    file: 'tls.key',
    spoil: (fixture, { keyPem }) => put(fixture, { 'tls.key': keyPem.replace(/\n(.{8}).{4}/, '\n$1AAAA') }),
  },
  {
    name: 'a file that is too large',
    code: 'ERR_MOUNT_TOO_LARGE',
    file: 'tls.crt',
    spoil: ({ path }) => truncate(path('mount/tls.crt'), 2 * 1024 * 1024),
  },
  {
    name: 'a FIFO',
    code: 'ERR_MOUNT_FILE_TYPE',
    file: 'tls.key',
    spoil: async ({ path }) => (
      await rm(path('mount/tls.key')),
      spawnSync('mkfifo', [path('mount/tls.key')])
    ),
  },
  {
    name: 'a loop of links',
    code: 'ERR_MOUNT_UNREADABLE',
    file: 'tls.key',
    spoil: async ({ path }) => (await rm(path('mount/tls.key')), symlink('tls.key', path('mount/tls.key'))),
  },
  {
    name: 'a public key in the place of the private one',
    code: 'ERR_SVID_KEY_INVALID',
    file: 'tls.key',
    spoil: (fixture, { certPem }) => put(fixture, { 'tls.key': certPem }),
  },
  {
    name: 'the key in the place of the certificate',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    file: 'tls.crt',
    spoil: (fixture, { keyPem }) => put(fixture, { 'tls.crt': keyPem }),
  },
  {
    name: 'the key in the place of the bundle',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture, { keyPem }) => put(fixture, { 'ca.crt': keyPem }),
  },
  {
    name: 'the wrong type of PEM block',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    file: 'tls.crt',
    spoil: (fixture, { certPem }) =>
      put(fixture, { 'tls.crt': certPem.replaceAll('CERTIFICATE', 'X509 CRL') }),
  },
  {
    name: 'DER in the place of PEM',
    code: 'ERR_SVID_CERTIFICATE_INVALID',
    file: 'tls.crt',
    spoil: ({ path }, { chainDer }) => writeFile(path('mount/tls.crt'), chainDer[0] ?? ''),
  },
  {
    name: 'an encrypted key',
    code: 'ERR_SVID_KEY_ENCRYPTED',
    file: 'tls.key',
    spoil: (fixture, svid) =>
      putPair(fixture, svid, {
        'tls.key': svid.key
          .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      }),
  },
  {
    name: 'an expired SVID',
    code: 'ERR_SVID_EXPIRED',
    file: 'tls.crt',
    spoil: async (fixture) => putPair(fixture, await fixture.ca.issue({ defects: ['expired'] })),
  },
  {
    name: 'an SVID that is not valid yet',
    code: 'ERR_SVID_NOT_YET_VALID',
    file: 'tls.crt',
    spoil: async (fixture) => putPair(fixture, await fixture.ca.issue({ defects: ['not-yet-valid'] })),
  },
  {
    name: 'a certificate without SPIFFE ID',
    code: 'ERR_SVID_URI_SAN',
    file: 'tls.crt',
    spoil: async (fixture) => putPair(fixture, await fixture.ca.issue({ defects: ['no-uri-san'] })),
  },
  {
    name: 'a bundle without any CA',
    code: 'ERR_BUNDLE_EMPTY',
    file: 'ca.crt',
    spoil: (fixture, { certPem }) => put(fixture, { 'ca.crt': certPem }),
  },
  {
    name: 'a bundle that is no PEM',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': 'not a bundle' }),
  },
  {
    name: 'a bundle with some entries that are no CA',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    isWarning: true,
    spoil: (fixture, { certPem }) => put(fixture, { 'ca.crt': fixture.ca.pem + certPem }),
  },
  {
    name: 'half a bundle document',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': documentOf(fixture.ca).slice(0, -40) }),
  },
  {
    name: 'a bundle document in which a member stands twice',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': documentOf(fixture.ca).replace('{', '{"keys":[],') }),
  },
  {
    name: 'a bundle document with a damaged certificate',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) =>
      put(fixture, { 'ca.crt': documentOf(fixture.ca).replace(/"x5c":\["MI(.{20})/, '"x5c":["MIAA$1') }),
  },
  {
    name: 'a bundle document with text after its end',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': `${documentOf(fixture.ca)}]}` }),
  },
  {
    name: 'a sequence number that is none',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) =>
      put(fixture, { 'ca.crt': documentOf(fixture.ca).replace('{', '{"spiffe_sequence":1.5,') }),
  },
  {
    name: 'JSON that is no bundle',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': '{"kind":"ConfigMap"}' }),
  },
  {
    name: 'JSON without a bottom',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': `{"keys":${'['.repeat(500_000)}` }),
  },
  {
    name: 'JSON with more values than anybody needs',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': `{"foo":[${'1,'.repeat(510_000)}1],"keys":[]}` }),
  },
  {
    name: 'a bundle document that is too large',
    code: 'ERR_MOUNT_TOO_LARGE',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': documentOf(fixture.ca).padEnd(1024 * 1024 + 1) }),
  },
  {
    name: 'a bundle map without our trust domain',
    code: 'ERR_MOUNT_NOT_FOUND',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': mapOf() }),
  },
  {
    name: 'a bundle map that has a trust domain twice',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) =>
      put(fixture, { 'ca.crt': mapOf(fixture.ca).replace('{"prod', '{"prod.example":{"keys":[]},"prod') }),
  },
  {
    name: 'a bundle map of SPIFFE IDs',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': mapOf(fixture.ca).replace('"prod', '"spiffe://prod') }),
  },
  {
    name: 'what is a bundle and a bundle map',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    spoil: (fixture) => put(fixture, { 'ca.crt': mapOf(fixture.ca).replace('{', '{"keys":[],') }),
  },
  {
    name: 'a bundle document with some entries that are no CA',
    code: 'ERR_BUNDLE_INVALID',
    file: 'ca.crt',
    isWarning: true,
    spoil: (fixture) =>
      put(fixture, {
        'ca.crt': documentOf(fixture.ca).replace('"keys":[', '"keys":[{"kty":"EC","use":"x509-svid"},'),
      }),
  },
  {
    name: 'a key that everyone can read',
    code: 'ERR_MOUNT_PERMISSIONS',
    file: 'tls.key',
    isWarning: true,
    spoil: ({ path }) => chmod(path('mount/tls.key'), 0o644),
  },
];

/** Another trust domain is bad only beside an identity that is in use. */
export const CHANGED_TRUST_DOMAIN: BadInput = {
  name: 'another trust domain',
  code: 'ERR_MOUNT_IDENTITY',
  file: 'tls.crt',
  spoil: async (fixture) => {
    const other = await createTestCa({ trustDomain: 'other.example', clock: fixture.clock });
    await put(fixture, mountFiles.secret(await other.issue(), other));
  },
};
