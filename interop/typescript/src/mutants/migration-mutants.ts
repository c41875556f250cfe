import { engine } from '../engine.ts';
import { isObject, type JsonObject } from '../params.ts';
import { around, mishear, type Mutant } from './mutant.ts';
import { beNaive } from './naive-server.ts';

const SERVER = 'migration/server/**';

/** Broken ways from legacy certificates to SPIFFE. */
export const MIGRATION_MUTANTS: readonly Mutant[] = [
  {
    name: 'migration-always-permissive',
    lie: 'lets in legacy peers whatever it is told',
    cases: ['migration/**'],
    apply: () => changeMigration((migration) => ({ ...migration, mode: 'permissive' })),
  },
  {
    name: 'migration-never-permissive',
    lie: 'knows no legacy peers',
    cases: ['migration/**'],
    apply: () => changeMigration((migration) => ({ ...migration, mode: 'strict' })),
  },
  {
    name: 'migration-ignores-names',
    lie: 'lets in every legacy client of the CA',
    cases: [SERVER],
    apply: () =>
      changeMigration((migration) => ({
        ...migration,
        legacy: {
          ...(migration['legacy'] as object),
          clients: [
            '*.corp.test',
            'web.corp.test',
            '*.evil.test',
            '*.test.evil.test',
            '*.corp.test.evil.test',
          ],
        },
      })),
  },
  {
    name: 'migration-takes-legacy-for-spiffe',
    lie: 'makes SPIFFE peers of legacy ones',
    cases: ['migration/**'],
    apply: () => {
      const honest = engine.anyPeerOf;
      engine.anyPeerOf = (holder) => {
        const peer = honest(holder);
        if (peer.kind === 'spiffe') return peer;
        return { kind: 'spiffe', id: { toString: () => `spiffe://a.test/${peer.name}` } } as never;
      };
    },
  },
  {
    name: 'migration-ignores-switches',
    lie: 'wants a restart for every change',
    cases: [SERVER],
    apply: () => around('server.migrate', () => ({})),
  },
  {
    name: 'migration-presents-svids-alone',
    lie: 'presents its SVID whatever it is told to prefer',
    cases: [SERVER],
    apply: () => changeMigration((migration) => ({ ...migration, prefer: 'spiffe' })),
  },
  {
    name: 'migration-dry-for-ever',
    lie: 'never comes out of a dry run',
    cases: [SERVER],
    apply: () => {
      changeMigration((migration) => ({ ...migration, dryRun: true }));
    },
  },
  {
    name: 'migration-believes-everyone',
    lie: 'serves everyone, and believes every name',
    cases: [SERVER],
    apply: () => serveAnyone(),
  },
];

function changeMigration(change: (migration: JsonObject) => JsonObject): void {
  for (const op of ['server.start', 'client.connect']) {
    mishear(op, (params) =>
      isObject(params['migration']) ? { ...params, migration: change(params['migration']) } : params,
    );
  }
  mishear('server.migrate', (params) => ({ ...params, ...change(params) }));
}

/** A naive server that calls peers what the first of their names is. */
function serveAnyone(): void {
  beNaive({ verify: 'nothing' });
  const honest = engine.anyPeerOf;
  engine.anyPeerOf = (holder) => {
    const peer = honest(holder);
    const id = peer.kind === 'spiffe' ? peer.id.toString() : '';
    return id.startsWith('spiffe://') ? peer : ({ kind: 'legacy', name: 'somebody' } as never);
  };
}
