import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createTestCa, type TestCa } from '@svidkit/testkit';

import { type Pem } from '../messages.ts';
import { HOST, LEGACY_DOMAIN } from '../topology.ts';

/** The CA from before SPIFFE: it issues by host name, for years, and into files that nobody rotates. */
export class LegacyAuthority {
  readonly #ca: TestCa;

  private constructor(ca: TestCa) {
    this.#ca = ca;
  }

  static async create(): Promise<LegacyAuthority> {
    return new LegacyAuthority(await createTestCa({ trustDomain: LEGACY_DOMAIN, id: '' }));
  }

  /** A certificate without a SPIFFE ID. */
  async issue(name: string): Promise<Pem> {
    const { certPem, keyPem } = await this.#ca.issueLegacy({
      commonName: name,
      dnsNames: [`${name}.${LEGACY_DOMAIN}`],
      extraNames: [{ type: 'ip', value: HOST }],
    });
    return { cert: certPem, key: keyPem };
  }

  /** Installs a certificate, its key and this CA where a service reads them. */
  async install(name: string, directory: string): Promise<void> {
    const { cert, key } = await this.issue(name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const write = (file: string, content: string): Promise<void> =>
      writeFile(join(directory, file), content, { mode: 0o600 });
    await Promise.all([write('tls.crt', cert), write('tls.key', key), write('ca.crt', this.#ca.bundlePem)]);
  }
}
