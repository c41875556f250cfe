import { isObject, type JsonObject } from '../params.ts';
import { around, mishear, misreport, type Mutant } from './mutant.ts';

/** Broken clients of the Workload API, as far as they are about WIT-SVIDs. */
export const WIT_CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'wit-default-identity',
    lie: 'asks for all WIT-SVIDs when it is to ask for one',
    cases: ['wit-client/svid/*'],
    apply: () => mishear('workload.wit', ({ id: _id, ...params }) => params),
  },
  {
    name: 'wit-believes-the-message',
    lie: 'takes WIT-SVIDs and bundles as they come',
    cases: ['wit-client/svid/*', 'wit-client/bundles/*'],
    apply: () => {
      for (const [op, nothing] of [
        ['workload.wit', { svids: [] }],
        ['workload.witBundles', { bundles: {} }],
      ] as const) {
        around(op, async (params, honest) => {
          try {
            return await honest(params);
          } catch {
            return nothing;
          }
        });
      }
    },
  },
  {
    name: 'wit-loses-keys',
    lie: 'does not read the keys of WIT-SVIDs',
    cases: ['wit-client/svid/*'],
    apply: () => misreport('workload.wit', (answer) => svidsWith(answer, { spkiSha256: '' })),
  },
  {
    name: 'wit-es256-alone',
    lie: 'leaves out WIT-SVIDs with keys that are not for ES256',
    cases: ['wit-client/svid/*'],
    apply: () =>
      misreport('workload.wit', ({ svids }) => ({
        svids: (Array.isArray(svids) ? svids : []).filter(
          (one: unknown) => isObject(one) && one['alg'] === 'ES256',
        ),
      })),
  },
  {
    name: 'wit-loses-hints',
    lie: 'does not read the hints of WIT-SVIDs',
    cases: ['wit-client/svid/*'],
    apply: () => misreport('workload.wit', (answer) => svidsWith(answer, { hint: '' })),
  },
  {
    name: 'wit-bundle-of-one',
    lie: 'keeps the WIT bundle of one trust domain',
    cases: ['wit-client/bundles/*'],
    apply: () =>
      misreport('workload.witBundles', ({ bundles }) => ({
        bundles: Object.fromEntries(Object.entries(isObject(bundles) ? bundles : {}).slice(0, 1)),
      })),
  },
  {
    name: 'wit-asks-again',
    lie: 'asks an agent without WIT-SVIDs again and again',
    cases: ['wit-client/error/*'],
    apply: () =>
      around('workload.watchWit', async (params, honest) => {
        await honest(params).catch(() => {});
        return honest(params);
      }),
  },
];

function svidsWith({ svids }: JsonObject, changes: JsonObject): JsonObject {
  const list: readonly unknown[] = Array.isArray(svids) ? svids : [];
  return { svids: list.map((one) => ({ ...(isObject(one) ? one : {}), ...changes })) };
}
