import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { verifyX509Svid, type X509Context } from '@svidkit/core';

import { type JsonObject } from '../params.ts';
import { mapSource } from './map-source.ts';
import {
  afterOpening,
  beforeOpening,
  bundleOf,
  keysIn,
  lastOpened,
  withBundleFiles,
  withOptions,
} from './mount-parts.ts';
import { around, mishear, misreport, type Mutant } from './mutant.ts';
import { readNaively } from './naive-mount.ts';
import { frozen } from './server-parts.ts';

/** Broken readers of mounts. */
export const MOUNT_MUTANTS: readonly Mutant[] = [
  {
    name: 'mount-drops-last-known-good',
    lie: 'has nothing while the files cannot be used',
    cases: ['rotation/parked/**', 'rotation/bad/**', 'rotation/soak/**'],
    apply: () => readNaively({ dropsLastKnownGood: true }),
  },
  {
    name: 'mount-reads-files-separately',
    lie: 'reads the key at another time than the chain, and has nothing when they do not fit',
    cases: ['rotation/swap/**', 'rotation/soak/**', 'rotation/parked/new*'],
    apply: () => readNaively({ readsSeparately: true, dropsLastKnownGood: true }),
  },
  {
    name: 'mount-compares-size-and-time',
    lie: 'takes files of the same size and time for the same',
    cases: ['rotation/swap/same-size*'],
    apply: () => readNaively({ signature: 'size-and-time' }),
  },
  {
    name: 'mount-compares-leaves',
    lie: 'takes a mount with the same leaf for the same',
    cases: ['rotation/swap/only*', 'rotation/bundle/**', 'rotation/parked/one-of-two*'],
    apply: () => readNaively({ signature: 'leaf' }),
  },
  {
    name: 'mount-never-updates',
    lie: 'reads the files once',
    cases: [
      'rotation/swap/**',
      'rotation/watch/**',
      'rotation/bad/**',
      'rotation/parked/*',
      'rotation/bundle/**',
      'rotation/clock/**',
      'rotation/events/**',
      'rotation/expiry/**',
      'rotation/leak/**',
      'rotation/two-sources/**',
      'mount-layout/load/*',
    ],
    apply: () => afterOpening((source) => frozen(source)),
  },
  {
    name: 'mount-caches-bundle',
    lie: 'keeps the first bundle for ever',
    cases: [
      'rotation/swap/only-bundle*',
      'rotation/swap/bundle*',
      'rotation/swap/all*',
      'rotation/bundle/**',
      'mtls-server/rotate/root*',
      'mtls-server/resume/ticket-after-root*',
    ],
    apply: () =>
      afterOpening((source) => {
        const { bundles } = source.current;
        return mapSource(source, (context) => context && Object.freeze({ ...context, bundles }));
      }),
  },
  {
    name: 'mount-first-authority',
    lie: 'reads the first certificate of a bundle file',
    cases: ['mount-layout/load/**', 'rotation/swap/only-bundle*', 'rotation/swap/all*', 'rotation/bundle/**'],
    apply: () =>
      afterOpening((source) =>
        mapSource(source, (context) => {
          if (context === undefined) return undefined;
          let { bundles } = context;
          for (const bundle of bundles)
            bundles = bundles.with(bundleOf(bundle.trustDomain, bundle.authorities.slice(0, 1)));
          return Object.freeze({ ...context, bundles });
        }),
      ),
  },
  {
    name: 'mount-drops-intermediates',
    lie: 'reads the first certificate of a chain file',
    cases: ['mount-layout/load/**', 'rotation/swap/only-chain*', 'rotation/swap/leaf*'],
    apply: () => {
      for (const op of ['source.get', 'source.wait']) {
        misreport(op, (answer) => ({
          ...answer,
          chainSha256: (answer['chainSha256'] as string[] | undefined)?.slice(0, 1),
        }));
      }
    },
  },
  {
    name: 'mount-splits-bundle-files',
    lie: 'believes roots of other trust domains in the own bundle file about those',
    cases: ['mount-layout/trust/**'],
    apply: () => withOptions({ foreignAuthorities: 'split' }),
  },
  {
    name: 'mount-merges-bundles',
    lie: 'joins all bundles into one',
    cases: [
      'rotation/bundle/**',
      'mount-layout/**',
      'mtls-server/reject/bad-client*',
      'mtls-client/reject/bad-server*',
    ],
    apply: () =>
      afterOpening((source) =>
        mapSource(source, (context) => {
          if (context === undefined) return undefined;
          let { bundles } = context;
          const all = Array.from(bundles, ({ authorities }) => authorities).flat();
          for (const { trustDomain } of bundles) bundles = bundles.with(bundleOf(trustDomain, all));
          return Object.freeze({ ...context, bundles });
        }),
      ),
  },
  {
    name: 'mount-takes-files-of-the-writer',
    lie: 'takes files whose names begin with two dots for bundles',
    cases: ['mount-layout/dotdot/**'],
    apply: () => withBundleFiles((name) => (name.startsWith('..') ? name.replace(/^\.+/, '') : undefined)),
  },
  {
    name: 'mount-folds-names',
    lie: 'takes the names of bundle files in lower case for trust domains',
    cases: ['mount-layout/load/federated-files'],
    apply: () => withBundleFiles((name) => (name === name.toLowerCase() ? undefined : name.toLowerCase())),
  },
  {
    name: 'mount-knows-one-layout',
    lie: 'reads the file names of a Secret, whatever it is told',
    cases: ['mount-layout/load/**'],
    apply: () => mishear('source.open', (params) => ({ ...params, layout: 'split', files: undefined })),
  },
  {
    name: 'mount-needs-data-link',
    lie: 'reads volumes with a ..data link alone',
    cases: ['mount-layout/load/**', 'rotation/swap/*', 'mount-layout/start/*'],
    apply: () =>
      beforeOpening((options) => {
        if (!readdirSync(options.directory ?? '').includes('..data')) throw new Error('no ..data here');
        return options;
      }),
  },
  {
    name: 'mount-needs-no-data-link',
    lie: 'reads plain files alone',
    cases: ['mount-layout/load/**'],
    apply: () =>
      beforeOpening((options) => {
        if (readdirSync(options.directory ?? '').includes('..data'))
          throw new Error('this is no plain directory');
        return options;
      }),
  },
  {
    name: 'mount-resolves-path-once',
    lie: 'follows links to where they lead at first',
    cases: ['rotation/swap/*', 'mount-layout/load/*'],
    apply: () =>
      beforeOpening((options) => ({ ...options, directory: realpathSync(options.directory ?? '') })),
  },
  {
    name: 'mount-refuses-links',
    lie: 'refuses paths that go through links',
    cases: ['mount-layout/load/*'],
    apply: () =>
      beforeOpening((options) => {
        const { directory = '' } = options;
        if (realpathSync(directory) !== resolve(directory)) throw new Error('a link is in the way');
        return options;
      }),
  },
  {
    name: 'mount-decodes-paths',
    lie: 'takes paths for addresses',
    cases: ['mount-layout/load/*'],
    apply: () =>
      beforeOpening((options) => ({ ...options, directory: decodeURIComponent(options.directory ?? '') })),
  },
  {
    name: 'mount-starts-elsewhere',
    lie: 'takes relative paths to begin at a directory of its own',
    cases: ['mount-layout/load/*'],
    apply: () =>
      beforeOpening((options) => ({
        ...options,
        directory: resolve('/a/b/c/d/e/f/g/h', options.directory ?? ''),
      })),
  },
  {
    name: 'mount-fails-early',
    lie: 'gives up when there is nothing yet',
    cases: ['mount-layout/start/*', 'mount-layout/trust/no-ca-file'],
    apply: () =>
      mishear('source.open', (params) => ({
        ...params,
        options: { ...(params['options'] as object), waitMs: 0 },
      })),
  },
  {
    name: 'mount-waits-for-ever',
    lie: 'waits however long it was told to',
    cases: ['mount-layout/start/wait*'],
    apply: () =>
      mishear('source.open', (params) => ({
        ...params,
        options: { ...(params['options'] as object), waitMs: 3_600_000 },
      })),
  },
  {
    name: 'mount-tells-no-errors',
    lie: 'keeps problems to itself',
    cases: ['mount-layout/start/*', 'rotation/parked/**', 'rotation/bad/**', 'mount-layout/trust/no-ca-file'],
    apply: () => {
      misreport('source.get', withoutError);
      around('source.wait', async (params, honest) => {
        const { error } = params['until'] as { error?: true };
        if (error === true)
          return { met: false, ...withoutError(await honest({ ...params, until: { state: 'closed' } })) };
        return withoutError(await honest(params));
      });
    },
  },
  {
    name: 'mount-blocks-on-pipes',
    lie: 'opens whatever is called like a key and waits',
    cases: ['mount-layout/start/fifo', 'mount-layout/start/key-is-directory'],
    apply: () =>
      beforeOpening((options) => {
        try {
          readFileSync(join(options.directory ?? '', 'tls.key'));
        } catch {
          // Not there.
        }
        return options;
      }),
  },
  {
    name: 'mount-shows-keys',
    lie: 'puts what it read into its errors',
    cases: ['mount-layout/start/*'],
    apply: () => {
      for (const op of ['source.get', 'source.wait']) {
        around(op, async (params, honest) => {
          const answer = await honest(params);
          const error = answer['lastError'] as { code: string; message: string } | undefined;
          if (error === undefined) return answer;
          return {
            ...answer,
            lastError: { ...error, message: error.message + keysIn(lastOpened.directory) },
          };
        });
      }
      mishear('source.open', (params) => {
        lastOpened.directory = String(params['dir']);
        return params;
      });
    },
  },
  {
    name: 'mount-passes-over-loose-keys',
    lie: 'does not see keys that everyone may read, and does not say so',
    cases: ['mount-layout/perm/**'],
    apply: () =>
      beforeOpening((options) => {
        const isLoose = (statSync(join(options.directory ?? '', 'tls.key')).mode & 0o004) !== 0;
        return isLoose ? { ...options, directory: '/nonexistent', wait: 3_600_000 } : options;
      }),
  },
  {
    name: 'mount-takes-hints-alone',
    lie: 'looks when it is told to by the file system, and else never',
    cases: ['rotation/watch/poll*', 'rotation/swap/same-size*'],
    apply: () =>
      beforeOpening((options) =>
        options.watch === false ? { ...options, pollIntervalMs: 3_600_000 } : options,
      ),
  },
  {
    name: 'mount-watches-one-directory',
    lie: 'stays with the directory that it opened, whatever is called so now',
    cases: ['rotation/watch/directory*'],
    apply: () =>
      afterOpening((source, directory) => {
        const { birthtimeMs } = statSync(directory);
        let latest = source.current;
        return mapSource(source, (context) => {
          if (existsSync(directory) && statSync(directory).birthtimeMs === birthtimeMs)
            latest = context ?? latest;
          return latest;
        });
      }),
  },
  {
    name: 'mount-distrusts-silently',
    lie: 'does not use what its own bundle does not vouch for, and does not say so',
    cases: ['rotation/bad/untrusted*'],
    apply: () =>
      afterOpening((source) => {
        let latest = source.current;
        return mapSource(source, (context) => {
          if (context !== undefined && isTrusted(context)) latest = context;
          return latest;
        });
      }),
  },
];

function isTrusted({ svid, bundles }: X509Context): boolean {
  try {
    const chain = svid.certificates.map(({ der }) => der);
    return verifyX509Svid(chain, bundles, { at: Date.now(), role: 'client' }) !== undefined;
  } catch {
    return false;
  }
}

function withoutError({ lastError: _error, ...answer }: JsonObject): JsonObject {
  return answer;
}
