import { BundleSet, type SpiffeError, SpiffeError as Failure, type X509Svid } from '@svidkit/core';

import { engine } from '../engine.ts';
import { misreport, type Mutant } from './mutant.ts';
import { followNaively } from './naive-workload.ts';
import {
  eachMessage,
  eachRequest,
  eachTrouble,
  openedWith,
  watchAround,
  withBundlesOf,
} from './workload-parts.ts';

const HEADER = 'workload.spiffe.io';
const VARIABLE = 'SPIFFE_ENDPOINT_SOCKET';
/** Where nobody listens. */
const NOWHERE = 'unix:///nowhere/api.sock';
const BAD = ['workload-api/x509/**', 'workload-api/stream/**', 'workload-api/error/**'] as const;
const FINAL: readonly string[] = ['ERR_WORKLOAD_API_REFUSED', 'ERR_WORKLOAD_API_UNIMPLEMENTED'];

/** Broken clients of the Workload API, as far as they are about X.509-SVIDs. */
export const WORKLOAD_MUTANTS: readonly Mutant[] = [
  ...endpointMutants(),
  ...messageMutants(),
  ...streamMutants(),
];

function endpointMutants(): readonly Mutant[] {
  return [
    {
      name: 'workload-no-security-header',
      lie: 'sends no security header',
      cases: ['workload-api/header/**'],
      apply: () =>
        eachRequest((headers) => {
          delete headers[HEADER];
        }),
    },
    {
      name: 'workload-security-header-case',
      lie: 'writes the value of the security header with a capital letter',
      cases: ['workload-api/header/**'],
      apply: () =>
        eachRequest((headers) => {
          headers[HEADER] = 'True';
        }),
    },
    {
      name: 'workload-ignores-environment',
      lie: 'takes a path of its own for granted where it is told no address',
      cases: ['workload-api/env/**'],
      apply: () => openedWith((options) => ({ address: NOWHERE, ...options })),
    },
    {
      name: 'workload-guesses',
      lie: 'takes a path of its own for granted where neither it nor the environment is told one',
      cases: ['workload-api/env/**'],
      apply: () =>
        openedWith((options) => {
          // oxlint-disable-next-line node/no-process-env -- the lie is about it
          const address = options.address ?? process.env[VARIABLE] ?? '';
          return { ...options, address: address === '' ? NOWHERE : address };
        }),
    },
    {
      name: 'workload-environment-wins',
      lie: 'follows the environment where it is told an address',
      cases: ['workload-api/env/**'],
      apply: () =>
        openedWith((options) => {
          // oxlint-disable-next-line node/no-process-env -- the lie is about it
          const address = process.env[VARIABLE];
          return address === undefined ? options : { ...options, address };
        }),
    },
    {
      name: 'workload-wants-tls',
      lie: 'does not speak over TCP without TLS',
      cases: ['workload-api/tls/**'],
      apply: () =>
        openedWith((options) =>
          options.address?.startsWith('tcp:') === true ? { ...options, address: NOWHERE } : options,
        ),
    },
    {
      name: 'workload-bundles-of-own-alone',
      lie: 'gives the first bundle of several alone',
      cases: ['workload-api/x509/bundles*'],
      apply: () =>
        misreport('workload.x509Bundles', ({ bundles }) => ({
          bundles: Object.fromEntries(Object.entries(bundles as object).slice(0, 1)),
        })),
    },
  ];
}

function messageMutants(): readonly Mutant[] {
  return [
    {
      name: 'workload-waits-for-a-second-message',
      lie: 'takes the first message for a greeting',
      cases: ['workload-api/x509/first*'],
      apply: () => eachMessage((message, before) => (before === undefined ? undefined : message)),
    },
    {
      name: 'workload-keeps-the-first-message',
      lie: 'reads one message and no more',
      cases: [...BAD, 'workload-api/size/**', 'workload-api/start/**'],
      apply: () => eachMessage((message, before) => (before === undefined ? message : undefined)),
    },
    {
      name: 'workload-takes-the-last-svid',
      lie: 'takes the last of several SVIDs',
      cases: ['workload-api/x509/*svid*', 'workload-api/x509/*hint*'],
      apply: () => eachMessage((message) => ({ ...message, svids: message.svids.toReversed() })),
    },
    {
      name: 'workload-ignores-hints',
      lie: 'takes the first SVID whatever it is asked for',
      cases: ['workload-api/x509/*hint*'],
      apply: () => openedWith(({ pick: _pick, ...options }) => options),
    },
    {
      name: 'workload-takes-the-last-hint',
      lie: 'takes the last of two SVIDs with the same hint',
      cases: ['workload-api/x509/*hint*'],
      apply: () => followNaively({ lastHint: true }),
    },
    {
      name: 'workload-no-federation',
      lie: 'reads the bundle of its own trust domain alone',
      cases: ['workload-api/x509/federated*'],
      apply: () =>
        eachMessage(({ svids, bundles, ...message }) => {
          const own = bundles.get((svids[0] as X509Svid).id.trustDomain);
          return { ...message, svids, bundles: own === undefined ? bundles : BundleSet.of(own) };
        }),
    },
    {
      name: 'workload-keeps-federated-bundles',
      lie: 'keeps bundles that are not in a message any more',
      cases: ['workload-api/x509/federated*'],
      apply: () =>
        eachMessage((message, before) => ({
          ...message,
          bundles: withBundlesOf(message.bundles, before?.bundles ?? BundleSet.of()),
        })),
    },
    {
      name: 'workload-merges-federated-bundles',
      lie: 'adds federated bundles to those it has of the same trust domain',
      cases: ['workload-api/x509/own*'],
      apply: () => followNaively({ mergesBundles: true }),
    },
    {
      name: 'workload-takes-half',
      lie: 'takes of a message what it can read',
      cases: ['workload-api/x509/*garbage', 'workload-api/x509/pem*'],
      apply: () => followNaively({ takesHalf: true }),
    },
    {
      name: 'workload-wants-known-fields',
      lie: 'refuses messages with fields that it does not know',
      cases: ['workload-api/x509/unknown*'],
      apply: () => followNaively({ wantsKnownFields: true }),
    },
    {
      name: 'workload-takes-4-mib',
      lie: 'takes messages of up to 4 MiB',
      cases: ['workload-api/size/**'],
      apply: () => followNaively({ maxBytes: 4 * 1024 * 1024 }),
    },
    {
      name: 'workload-drops-at-bad-messages',
      lie: 'lets go of its identity at anything bad',
      cases: [...BAD, 'workload-api/start/**'],
      apply: () =>
        eachTrouble((error) => new Failure('ERR_WORKLOAD_API_DENIED', error.message, { cause: error })),
    },
    {
      name: 'workload-hides-trouble',
      lie: 'tells nothing of what is wrong',
      cases: [...BAD, 'workload-api/start/**'],
      apply: () => eachTrouble(() => undefined),
    },
  ];
}

function streamMutants(): readonly Mutant[] {
  return [
    {
      name: 'workload-gives-up',
      lie: 'gives up at the first trouble',
      cases: [...BAD, 'workload-api/start/**'],
      apply: () =>
        watchAround(async ({ watcher, options, honest }) => {
          let failure: SpiffeError | undefined;
          await honest(
            {
              onUpdate: (message) => {
                if (failure === undefined) watcher.onUpdate(message);
              },
              onError: (error) => {
                failure = error;
                throw error;
              },
            },
            options,
          );
        }),
    },
    {
      name: 'workload-ends-with-its-stream',
      lie: 'does not open a stream again that has ended',
      cases: ['workload-api/stream/**'],
      apply: () => followNaively({ endsWith: 'any-end' }),
    },
    {
      name: 'workload-ends-without-status',
      lie: 'does not open a stream again that has ended without a status',
      cases: ['workload-api/stream/**'],
      apply: () => followNaively({ endsWith: 'no-status' }),
    },
    {
      name: 'workload-keeps-half-messages',
      lie: 'takes half of a message for the beginning of the next stream',
      cases: ['workload-api/stream/**'],
      apply: () => followNaively({ keepsRest: true }),
    },
    {
      name: 'workload-ends-when-withdrawn',
      lie: 'gives up when its identity is taken back',
      cases: ['workload-api/error/permission*'],
      apply: () =>
        watchAround(({ watcher, options, honest, memory }) =>
          honest(
            {
              onUpdate: (message) => {
                memory.before = message;
                watcher.onUpdate(message);
              },
              onError: (error) => {
                watcher.onError?.(error);
                if (error.code === 'ERR_WORKLOAD_API_DENIED' && memory.before !== undefined) throw error;
              },
            },
            options,
          ),
        ),
    },
    {
      name: 'workload-chunks-are-messages',
      lie: 'takes what comes at once for a message',
      cases: ['workload-api/stream/slow*'],
      apply: () => followNaively({ chunksAreMessages: true }),
    },
    {
      name: 'workload-asks-without-a-pause',
      lie: 'asks again at once, again and again',
      cases: ['workload-api/stream/*', 'workload-api/error/unavailable*'],
      apply: () => openedWith((options) => ({ ...options, backoff: { initialMs: 1, maxMs: 1 } })),
    },
    {
      name: 'workload-retries-what-is-final',
      lie: 'asks again after InvalidArgument and Unimplemented',
      cases: ['workload-api/error/*'],
      apply: () =>
        watchAround(async ({ watcher, options, honest }) => {
          while (options.signal?.aborted !== true) {
            try {
              await honest(watcher, options);
            } catch (error) {
              if (!(error instanceof Failure) || !FINAL.includes(error.code)) throw error;
              watcher.onError?.(error);
              await new Promise((resolve) => {
                setTimeout(resolve, 200);
              });
            }
          }
        }),
    },
    {
      name: 'workload-stops-without-a-word',
      lie: 'stops following after InvalidArgument and Unimplemented, and tells nobody',
      cases: ['workload-api/error/*'],
      apply: () =>
        watchAround(async ({ watcher, options, honest }) => {
          await honest(watcher, options).catch(() => {});
          await new Promise((resolve) => {
            options.signal?.addEventListener('abort', resolve);
          });
        }),
    },
    {
      name: 'workload-keeps-nothing',
      lie: 'drops its identity when the agent takes it back, whatever it was asked',
      cases: ['workload-api/error/permission*'],
      apply: () => openedWith((options) => ({ ...options, keepUntilExpiry: false })),
    },
    {
      name: 'workload-trusts-silence',
      lie: 'waits on a stream that is silent until its SVID is over',
      cases: ['workload-api/stream/silent*'],
      apply: () => watchAround(({ watcher, honest }) => honest(watcher)),
    },
    {
      name: 'workload-leaks-its-stream',
      lie: 'goes on following after it was closed',
      cases: ['workload-api/close/**'],
      apply: () => {
        const { createWorkloadApiClient } = engine;
        engine.createWorkloadApiClient = (options) => ({
          ...createWorkloadApiClient(options),
          close: async () => {},
        });
        watchAround(({ watcher, honest }) => honest(watcher));
      },
    },
  ];
}
