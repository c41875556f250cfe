import { X509Certificate } from 'node:crypto';

import { type LegacyIssueOptions, type TestCertificate } from '@svidkit/testkit';
import { afterEach, describe, expect, it } from 'vitest';

import { closeAll, Events, type Identity, knock } from './fixtures.ts';
import {
  anyServer,
  bothKinds,
  decisionsOf,
  lineOf,
  MIGRATION_SERVERS,
  type MigrationWorld,
  migrationWorld,
  WEB,
  WEB_ID,
} from './migration-fixtures.ts';

afterEach(closeAll);

/** What a server in one mode makes of a client: whom it sees, or the code of the refusal and whether it was proven. */
interface Verdict {
  readonly sees?: string;
  readonly code?: string;
  readonly proven?: string;
}

interface Client {
  readonly name: string;
  readonly kind: 'spiffe' | 'legacy' | 'none';
  readonly present: (world: MigrationWorld) => Promise<Identity> | undefined;
  readonly strict: Verdict;
  readonly permissive: Verdict;
}

const legacyClient =
  (options: LegacyIssueOptions) =>
  ({ legacy }: MigrationWorld): Promise<TestCertificate> =>
    legacy.issueLegacy(options);

const withUri = (...uris: readonly string[]): LegacyIssueOptions => ({
  ...WEB,
  extraNames: uris.map((value) => ({ type: 'url' as const, value })),
});

const refused = (code: string, proven?: string): Verdict => ({
  code,
  ...(proven === undefined ? {} : { proven }),
});
const NO_LEGACY = refused('ERR_CHAIN_ID');

/** The same for a client that claims a SPIFFE ID: what it claims is all that counts. */
const both = (verdict: Verdict): Pick<Client, 'strict' | 'permissive'> => ({
  strict: verdict,
  permissive: verdict,
});

const CLIENTS: readonly Client[] = [
  {
    name: 'a SPIFFE client',
    kind: 'spiffe',
    present: ({ spiffe }) => spiffe.issue({ path: '/web' }),
    ...both({ sees: `peer=spiffe ${WEB_ID}` }),
  },
  {
    name: 'a legacy client that is let in',
    kind: 'legacy',
    present: legacyClient(WEB),
    strict: NO_LEGACY,
    permissive: { sees: 'peer=legacy web.corp.test' },
  },
  {
    name: 'a legacy client that is not let in',
    kind: 'legacy',
    present: legacyClient({ dnsNames: ['batch.corp.test'] }),
    strict: NO_LEGACY,
    permissive: refused('ERR_PEER_UNAUTHORIZED', 'batch.corp.test'),
  },
  {
    name: 'a legacy client of a foreign authority',
    kind: 'legacy',
    present: ({ foreign }) => foreign.issueLegacy(WEB),
    strict: NO_LEGACY,
    permissive: refused('ERR_CHAIN_UNTRUSTED'),
  },
  {
    name: 'a client without a certificate',
    kind: 'none',
    present: () => undefined,
    ...both(refused('ERR_PEER_NO_CERTIFICATE')),
  },
  {
    name: 'a SPIFFE client that is not authorised',
    kind: 'spiffe',
    present: ({ spiffe }) => spiffe.issue({ path: '/batch' }),
    ...both(refused('ERR_PEER_UNAUTHORIZED', 'spiffe://a.test/batch')),
  },
  {
    name: 'an expired SPIFFE client',
    kind: 'spiffe',
    present: ({ spiffe }) => spiffe.issue({ path: '/web', defects: ['expired'] }),
    ...both(refused('ERR_CHAIN_EXPIRED')),
  },
  {
    name: 'an expired legacy client',
    kind: 'legacy',
    present: legacyClient({ ...WEB, defects: ['expired'] }),
    strict: NO_LEGACY,
    permissive: refused('ERR_CHAIN_EXPIRED'),
  },
  {
    name: 'a legacy client with a certificate for servers',
    kind: 'legacy',
    present: legacyClient({ ...WEB, extendedKeyUsage: ['serverAuth'] }),
    strict: NO_LEGACY,
    permissive: refused('ERR_CHAIN_LEAF_PROFILE'),
  },
  {
    name: 'a legacy client with a URI that is no SPIFFE ID',
    kind: 'legacy',
    present: legacyClient(withUri('https://a.test/web')),
    strict: NO_LEGACY,
    permissive: { sees: 'peer=legacy web.corp.test' },
  },
  {
    name: 'a self-made legacy client',
    kind: 'legacy',
    present: legacyClient({ ...WEB, selfSigned: true }),
    strict: NO_LEGACY,
    permissive: refused('ERR_CHAIN_UNTRUSTED'),
  },
  {
    name: 'a SPIFFE ID that the legacy authority vouches for',
    kind: 'spiffe',
    present: legacyClient(withUri(WEB_ID)),
    ...both(refused('ERR_CHAIN_UNTRUSTED')),
  },
  {
    name: 'a SPIFFE client of a foreign authority, with the name of a legacy client',
    kind: 'spiffe',
    present: ({ foreign }) =>
      foreign.issue({ id: WEB_ID, extraNames: [{ type: 'dns', value: 'web.corp.test' }] }),
    ...both(refused('ERR_CHAIN_UNTRUSTED')),
  },
  {
    name: 'a legacy name that the SPIFFE authority vouches for',
    kind: 'legacy',
    present: ({ spiffe }) => spiffe.issueLegacy(WEB),
    strict: NO_LEGACY,
    permissive: refused('ERR_CHAIN_UNTRUSTED'),
  },
  {
    name: 'an expired SVID with the name of a legacy client',
    kind: 'spiffe',
    present: ({ spiffe }) =>
      spiffe.issue({
        path: '/web',
        defects: ['expired'],
        extraNames: [{ type: 'dns', value: 'web.corp.test' }],
      }),
    ...both(refused('ERR_CHAIN_EXPIRED')),
  },
  ...[
    ['SPIFFE://a.test/web'],
    ['Spiffe:web'],
    [' spiffe://a.test/web'],
    ['spi\tffe://a.test/web'],
    ['https://a.test/web', 'spiffe://a.test/web'],
    ['spiffe://a.test/web', 'spiffe://a.test/web'],
    ['spiffe://'],
  ].map((uris): Client => ({
    name: `a legacy client that claims ${JSON.stringify(uris)}`,
    kind: 'spiffe',
    present: legacyClient(withUri(...uris)),
    ...both(refused('ERR_CHAIN_ID')),
  })),
];

describe.each(Object.entries(MIGRATION_SERVERS))('%s', (_, { start, ask }) => {
  describe.each(['strict', 'permissive'] as const)('in %s mode', (accept) => {
    it.each(CLIENTS)('$name: one decision, told once', async (client) => {
      const { port, handled } = await start(await bothKinds(), { accept });
      const events = new Events();
      const decisions = decisionsOf('server');
      const { sees, code, proven } = client[accept];

      const answer = await ask(port, await client.present(await migrationWorld()));

      expect(answer).toBe(sees);
      expect(handled).toEqual(sees === undefined ? [] : [sees]);
      const result = sees === undefined ? 'rejected' : 'accepted';
      const peer = sees?.replace(/^peer=\w+ /, '') ?? proven;
      const line = [`${client.kind} shown spiffe in ${accept}: ${result}`, peer, code];
      expect(decisions.map(lineOf)).toEqual([line.filter((part) => part !== undefined).join(' ')]);
      expect(events.codes('server')).toEqual(code === undefined ? [] : [code]);
      expect(events.accepted.map(({ kind }) => kind)).toEqual(sees === undefined ? [] : [client.kind]);
    });
  });
});

describe('what is presented', () => {
  it.each([
    { accept: 'permissive', prefer: 'legacy', shows: 'DNS:localhost', presented: 'legacy' },
    { accept: 'permissive', prefer: 'spiffe', shows: 'URI:spiffe://a.test/server', presented: 'spiffe' },
    { accept: 'strict', prefer: 'legacy', shows: 'URI:spiffe://a.test/server', presented: 'spiffe' },
  ] as const)('a server that is $accept and prefers $prefer shows $shows', async (row) => {
    const { accept, prefer, shows, presented } = row;
    const { port } = await anyServer(await bothKinds(), { accept, prefer });
    const { spiffe } = await migrationWorld();
    const decisions = decisionsOf('server');

    const { serverLeaf, line } = await knock(port, await spiffe.issue({ path: '/web' }));

    expect(line).toBe(`peer=spiffe ${WEB_ID}`);
    expect(new X509Certificate(serverLeaf ?? Buffer.alloc(0)).subjectAltName).toBe(shows);
    expect(decisions.map((decision) => decision.presented)).toEqual([presented]);
  });
});
