import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import {
  BundleSet,
  SourceCell,
  SpiffeError,
  systemClock,
  X509Bundle,
  type X509Source,
  X509Svid,
} from '@svidkit/core';
import { type MountOptions } from '@svidkit/mount';

import { engine } from '../engine.ts';

/** How a mount is read by somebody who thinks that files change at once. */
interface Naivety {
  /** Whether what cannot be read empties the source. */
  readonly dropsLastKnownGood?: boolean;
  /** Whether a bundle that is empty is taken for one that trusts nobody. */
  readonly signature?: 'content' | 'size-and-time' | 'leaf';
  /** Whether chain and key are read at different times. */
  readonly readsSeparately?: boolean;
}

const EVERY_MS = 10;

/** Makes all mounts naive ones: of plain files that are read again and again. */
export function readNaively({
  dropsLastKnownGood = false,
  signature = 'content',
  readsSeparately = false,
}: Naivety): void {
  const honest = engine.openMountedX509Source;
  engine.openMountedX509Source = async (options?: MountOptions) => {
    const opened = await honest(options);
    const directory = options?.directory ?? '';
    const cell: SourceCell = new SourceCell({ source: () => source, clock: systemClock });
    const source: X509Source = {
      get current() {
        return cell.current;
      },
      onUpdate: (listener) => cell.onUpdate(listener),
      closed: cell.closed,
      health: () => opened.health(),
      async close() {
        clearInterval(timer);
        cell.close();
        await opened.close();
      },
      [Symbol.asyncDispose]: () => source.close(),
    };
    const { svid: first, bundles } = opened.current;
    cell.publish({ svid: first, bundles }, 'first load');
    const [own] = bundles;
    const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
    let seen = '';
    let key = readsSeparately ? read('tls.key') : '';
    const look = (): void => {
      try {
        const cert = read('tls.crt');
        const ca = read('ca.crt');
        // The key is of the time before: half of what is read may be old.
        const usedKey = readsSeparately ? key : read('tls.key');
        key = read('tls.key');
        const now = signatureOf(signature, directory, cert, ca + usedKey);
        if (now === seen) return;
        if (own === undefined) return;
        const svid = X509Svid.fromPem({ certificates: cert, privateKey: usedKey });
        const bundle = X509Bundle.fromPem(own.trustDomain, ca);
        seen = now;
        if (
          cell.latest?.svid.certificates.map(({ fingerprint256 }) => fingerprint256).join() ===
            svid.certificates.map(({ fingerprint256 }) => fingerprint256).join() &&
          cell.latest.bundles.get(own.trustDomain)?.equals(bundle) === true
        )
          return;
        cell.publish({ svid, bundles: BundleSet.of(bundle) }, 'rotation');
      } catch (error) {
        if (dropsLastKnownGood)
          cell.withdraw(new SpiffeError('ERR_SOURCE_EMPTY', String(error)), 'unreadable');
      }
    };
    const timer = setInterval(look, EVERY_MS).unref();
    return Object.assign(source, { directory: opened.directory }) as never;
  };
}

function signatureOf(kind: Naivety['signature'], directory: string, cert: string, rest: string): string {
  if (kind === 'leaf') return cert.split('-----END')[0] ?? '';
  if (kind === 'content') return cert + rest;
  return ['tls.crt', 'tls.key', 'ca.crt']
    .map((name) => {
      const { size, mtimeMs } = statSync(join(directory, name));
      return `${size} ${Math.round(mtimeMs)}`;
    })
    .join();
}
