import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Certificate, TrustDomain, X509Bundle, type X509Context, type X509Source } from '@svidkit/core';
import { type MountOptions } from '@svidkit/mount';

import { engine } from '../engine.ts';
import { mapSource } from './map-source.ts';

const SUFFIX = '.spiffe-trust-bundle.pem';

/** The directory that was opened last. */
export const lastOpened = { directory: '' };

export function bundleOf(trustDomain: TrustDomain, authorities: readonly Certificate[]): X509Bundle {
  return X509Bundle.fromDer(
    trustDomain,
    authorities.map(({ der }) => der),
  );
}

export function keysIn(directory: string): string {
  try {
    return readFileSync(join(directory, 'tls.key'), 'utf8');
  } catch {
    return '';
  }
}

/** What a writer left that crashed, as if it were in use. */
export function leftBehind(): { chainSha256?: readonly string[] } {
  const orphan = readdirSync(lastOpened.directory).find((name) => name.startsWith('..2020'));
  return orphan === undefined ? {} : { chainSha256: [orphan] };
}

export function beforeOpening(change: (options: MountOptions) => MountOptions): void {
  const honest = engine.openMountedX509Source;
  engine.openMountedX509Source = async (options) => honest(change(options ?? {}));
}

export function withOptions(more: MountOptions): void {
  beforeOpening((options) => ({ ...options, ...more }));
}

export function afterOpening(change: (source: X509Source, directory: string) => X509Source): void {
  const honest = engine.openMountedX509Source;
  engine.openMountedX509Source = async (options) => {
    const source = await honest(options);
    // With the own directory, by which errors are told apart.
    return Object.defineProperty(change(source, source.directory), 'directory', {
      value: source.directory,
    }) as never;
  };
}

/** A source that is asked anew each time. */
export function mapSourceFresh(
  source: X509Source,
  map: (context: X509Context) => X509Context | undefined,
): X509Source {
  return {
    ...mapSource(source, (context) => context),
    get current(): X509Context {
      const context = map(source.current);
      if (context === undefined) throw new Error('it is over');
      return context;
    },
    onUpdate: (listener) => source.onUpdate(listener),
  };
}

/** Adds bundles of files by their names. */
export function withBundleFiles(domainOf: (name: string) => string | undefined): void {
  const honest = engine.openMountedX509Source;
  engine.openMountedX509Source = async (options) => {
    const { directory = '' } = options ?? {};
    const source = await honest(options);
    const more = readdirSync(directory).flatMap((file) => {
      if (!file.endsWith(SUFFIX)) return [];
      const domain = domainOf(file.slice(0, -SUFFIX.length));
      if (domain === undefined) return [];
      return [X509Bundle.fromPem(TrustDomain.parse(domain), readFileSync(join(directory, file), 'utf8'))];
    });
    return mapSource(source, (context) => {
      if (context === undefined) return undefined;
      let { bundles } = context;
      for (const bundle of more) bundles = bundles.with(bundle);
      return Object.freeze({ ...context, bundles });
    }) as never;
  };
}

export function rewriteEvents(change: (text: string) => string): void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array) =>
    write(typeof text === 'string' && text.includes('"event"') ? change(text) : text);
}

/** Servers get each generation later than others are told of it. */
export function serveLater(ms: number): void {
  const { createTlsServer } = engine;
  engine.createTlsServer = (input, options, listener) => {
    const source = input as X509Source;
    let context = source.current;
    const listeners = new Set<(next: X509Context | undefined) => void>();
    source.onUpdate((next) => {
      setTimeout(() => {
        context = next ?? context;
        for (const one of listeners) one(next);
      }, ms);
    });
    const late: X509Source = {
      ...mapSource(source, (same) => same),
      get current() {
        return context;
      },
      onUpdate(one) {
        listeners.add(one);
        return { [Symbol.dispose]: () => void listeners.delete(one) };
      },
    };
    return createTlsServer(late, options, listener);
  };
}
