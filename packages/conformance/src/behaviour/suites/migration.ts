import { type LegacyIssueOptions, type TestCa, type TestCertificate } from '@svidkit/testkit';

import { type JsonObject, textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { wantAccepted, wantRefused } from '../client-checks.ts';
import { observed, want, wantSame } from '../ended.ts';
import { type ServerUnderTest } from '../server-under-test.ts';
import { leafOf } from '../source-under-test.ts';
import { SPEC } from '../spec.ts';
import { type World } from '../world.ts';

const SERVER_OPS = ['server.start', 'source.open', 'source.wait'] as const;
const CLIENT_OPS = ['client.connect', 'source.open', 'source.wait'] as const;
const NEEDS = ['profiles:migration'];
const ADMITS = 'server/permissive-admits-legacy';
const ACCEPTS = 'client/permissive-accepts-legacy-server';

/** What was there before SPIFFE: a CA, and certificates with names. */
interface Legacy {
  readonly ca: TestCa;
  readonly port: TestCertificate;
  issue(options?: LegacyIssueOptions): Promise<TestCertificate>;
}

/** SPIFFE and legacy certificates at once, for as long as a migration takes. */
export function migrationDrafts(): readonly BehaviourDraft[] {
  return [...serverDrafts(), ...switchDrafts(), ...clientDrafts()];
}

async function legacyOf({ pki }: World): Promise<Legacy> {
  const ca = await pki.stranger('corp.test', { id: '' });
  const issue = (options: LegacyIssueOptions = { dnsNames: ['web.corp.test'] }): Promise<TestCertificate> =>
    ca.issueLegacy(options);
  return { ca, issue, port: await issue({ dnsNames: ['localhost', 'port.corp.test'] }) };
}

function migrationOf({ ca, port }: Legacy, more: JsonObject): JsonObject {
  return {
    legacy: { cert: port.certPem, key: port.keyPem, authorities: ca.pem, clients: ['web.corp.test'] },
    ...more,
  };
}

async function serving(
  world: World,
  more: JsonObject,
  authorize: JsonObject = { any: true },
): Promise<{ readonly legacy: Legacy; readonly server: ServerUnderTest }> {
  const legacy = await legacyOf(world);
  const source = await world.identity(await world.pki.identity());
  const server = await world.serve(source, { authorize, migration: migrationOf(legacy, more) });
  return { legacy, server };
}

/** Wants a legacy client to be let in, and not to be taken for a SPIFFE peer. */
async function admitsLegacy(server: ServerUnderTest, client: TestCertificate, what: string): Promise<void> {
  const dialled = await server.dial(client);
  if (dialled.kind !== 'admitted') throw observed(`${what} was not let in`);
  wantSame(`the SPIFFE ID that ${what} was taken for`, textMember(dialled.said, 'peer'), '');
  want(textMember(dialled.said, 'legacy') !== '', `${what} was not told that it is a legacy peer`);
}

function serverDrafts(): readonly BehaviourDraft[] {
  const draft = (
    row: number,
    id: string,
    title: string,
    why: string,
    script: BehaviourDraft['script'],
    control?: string,
  ): BehaviourDraft => ({
    row,
    id,
    title,
    why,
    level: 'ref',
    spec: SPEC.migration,
    ops: SERVER_OPS,
    features: NEEDS,
    ...(control === undefined ? {} : { control }),
    script,
  });
  return [
    draft(
      431,
      ADMITS,
      'a permissive server lets in a legacy client that it knows by name, and says that it is one',
      'services are moved one by one, and both kinds call each other meanwhile',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
        await server.admits(await (await world.pki.root()).issue({ path: '/client' }));
      },
    ),
    draft(
      432,
      'server/strict-refuses-legacy',
      'a strict server turns a legacy client away',
      'the end of a migration is that legacy certificates open no door',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'strict' });
        const dialled = await server.dial(await legacy.issue());
        want(
          dialled.kind === 'refused' && dialled.bytes === 0,
          'a legacy client was let in by a strict server',
        );
        await server.admits(await (await world.pki.root()).issue({ path: '/client' }));
      },
      ADMITS,
    ),
    draft(
      433,
      'server/permissive-no-certificate',
      'a permissive server turns away who has no certificate',
      'permissive is about two kinds of certificates, not about none',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        await server.refuses(undefined, 'a client without a certificate');
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
      },
      ADMITS,
    ),
    draft(
      434,
      'server/permissive-other-name',
      'a legacy client with another name is turned away',
      'one legacy CA issued for the whole company',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        for (const dnsNames of [['other.corp.test'], ['web.corp.test.evil.test'], ['xweb.corp.test']]) {
          await server.refuses(await legacy.issue({ dnsNames }), `the legacy client ${dnsNames.join()}`);
        }
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
      },
      ADMITS,
    ),
    draft(
      435,
      'server/permissive-other-ca',
      'a legacy client of another CA is turned away, and so is one of our own trust domain',
      'names are worth what their CA is, and a bundle is of SPIFFE peers alone',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        const other = await world.pki.stranger('corp.test', { id: '' });
        const names = { dnsNames: ['web.corp.test'] };
        await server.refuses(await other.issueLegacy(names), 'a legacy client of another CA');
        await server.refuses(
          await (await world.pki.root()).issueLegacy(names),
          'a legacy client that our SPIFFE CA vouches for',
        );
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
      },
      ADMITS,
    ),
    draft(
      436,
      'server/legacy-ca-is-no-spiffe-ca',
      'the legacy CA vouches for no SPIFFE ID',
      'whoever holds the old CA could be any workload',
      async (world) => {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        const forged = await legacy.ca.issue({
          id: 'spiffe://a.test/client',
          extraNames: [{ type: 'dns', value: 'web.corp.test' }],
        });
        const dialled = await server.dial(forged);
        const isSpiffe = dialled.kind === 'admitted' && textMember(dialled.said, 'peer') !== '';
        want(!isSpiffe, 'a SPIFFE ID that the legacy CA vouches for was believed');
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
      },
      ADMITS,
    ),
    draft(
      437,
      'server/permissive-bad-spiffe-peer',
      'a permissive server turns away SPIFFE peers that are not allowed or not trusted',
      'permissive must not become the way around authorization',
      async (world) => {
        const { server, legacy } = await serving(
          world,
          { mode: 'permissive' },
          { id: 'spiffe://a.test/allowed' },
        );
        const root = await world.pki.root();
        await server.admits(await root.issue({ path: '/allowed' }));
        await server.refuses(await root.issue({ path: '/other' }), 'a client that is not allowed');
        await server.refuses(
          await (await world.pki.stranger()).issue({ path: '/allowed' }),
          'a client of an unknown root',
        );
        await admitsLegacy(server, await legacy.issue(), 'a legacy client');
      },
      ADMITS,
    ),
  ];
}

function switchDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 438,
      id: 'server/switch-without-restart',
      title: 'a server goes from permissive to strict and back without a restart',
      why: 'a step back in the middle of the night must not need a deployment',
      level: 'ref',
      spec: SPEC.migration,
      ops: [...SERVER_OPS, 'server.migrate'],
      features: NEEDS,
      control: ADMITS,
      async script(world) {
        const { server, legacy } = await serving(world, { mode: 'permissive' });
        const [old, client] = [
          await legacy.issue(),
          await (await world.pki.root()).issue({ path: '/client' }),
        ];
        await admitsLegacy(server, old, 'a legacy client');
        await world.call('server.migrate', { handle: server.handle, mode: 'strict' });
        await server.refuses(old, 'a legacy client of a server that is strict now');
        await server.admits(client);
        await world.call('server.migrate', { handle: server.handle, mode: 'permissive' });
        await admitsLegacy(server, old, 'a legacy client after a step back');
        await server.admits(client);
      },
    },
    {
      row: 439,
      id: 'server/dry-run',
      title: 'a dry run lets in who is not allowed, and nobody who is not trusted',
      why: 'rules are tried on real traffic before they bite',
      level: 'ref',
      spec: SPEC.migration,
      ops: [...SERVER_OPS, 'server.migrate'],
      features: NEEDS,
      control: ADMITS,
      async script(world) {
        const { server } = await serving(
          world,
          { mode: 'permissive', dryRun: true },
          { id: 'spiffe://a.test/allowed' },
        );
        const other = await (await world.pki.root()).issue({ path: '/other' });
        await server.admits(other, 'a client that is not allowed, in a dry run');
        await server.refuses(
          await (await world.pki.stranger()).issue({ path: '/allowed' }),
          'a client of an unknown root',
        );
        await server.refuses(undefined, 'a client without a certificate');
        await world.call('server.migrate', { handle: server.handle, dryRun: false });
        await server.refuses(other, 'a client that is not allowed, after the dry run');
      },
    },
    {
      row: 440,
      id: 'server/prefer',
      title: 'a server presents what it is told to prefer, and changes it without a restart',
      why: 'old clients know the old CA alone, so the server changes last, and back',
      level: 'ref',
      spec: SPEC.migration,
      ops: [...SERVER_OPS, 'server.migrate'],
      features: NEEDS,
      control: ADMITS,
      async script(world) {
        const legacy = await legacyOf(world);
        const identity = await world.pki.identity();
        const source = await world.identity(identity);
        const migration = migrationOf(legacy, { mode: 'permissive', prefer: 'legacy' });
        const server = await world.serve(source, { authorize: { any: true }, migration });
        const client = await (await world.pki.root()).issue({ path: '/client' });
        const presented = async (
          what: { readonly chainDer: readonly Uint8Array[] },
          when: string,
        ): Promise<void> => {
          const { chain } = await server.admits(client);
          wantSame(`what the server presents ${when}`, chain[0], leafOf(what.chainDer));
        };
        await presented(legacy.port, 'while it prefers its legacy certificate');
        await world.call('server.migrate', { handle: server.handle, prefer: 'spiffe' });
        await presented(identity.svid, 'while it prefers its SVID');
        await world.call('server.migrate', { handle: server.handle, prefer: 'legacy' });
        await presented(legacy.port, 'after a step back');
        await world.call('server.migrate', { handle: server.handle, mode: 'strict' });
        await presented(identity.svid, 'once it is strict');
      },
    },
  ];
}

function clientDrafts(): readonly BehaviourDraft[] {
  return [
    {
      row: 441,
      id: ACCEPTS,
      title: 'a permissive client accepts a legacy server by the name that it dialled',
      why: 'servers are moved one by one',
      level: 'ref',
      spec: SPEC.migration,
      ops: CLIENT_OPS,
      features: NEEDS,
      async script(world) {
        const legacy = await legacyOf(world);
        const source = await world.identity(await world.pki.identity());
        const peer = await world.peer({ as: await legacy.issue({ dnsNames: ['localhost'] }) });
        const migration = migrationOf(legacy, { mode: 'permissive' });
        const answer = await world.connect(source, peer.port, { migration, serverName: 'localhost' });
        if (answer.kind === 'reject')
          throw observed(`a legacy server was refused (${answer.code}: ${answer.message ?? ''})`);
        want(
          textMember(answer.value, 'peer').startsWith('legacy:'),
          'a legacy server was taken for a SPIFFE peer',
        );
        const svid = await (await world.pki.root()).issue({ path: '/server' });
        await wantAccepted(world, source, await world.peer({ as: svid }), svid.id, {
          migration,
          serverName: 'localhost',
        });
      },
    },
    {
      row: 442,
      id: 'client/legacy-server-refused',
      title: 'a legacy server is refused by a strict client, for another name, and of another CA',
      why: 'the end of a migration is that legacy certificates are believed no more',
      level: 'ref',
      spec: SPEC.migration,
      ops: CLIENT_OPS,
      features: NEEDS,
      control: ACCEPTS,
      async script(world) {
        const legacy = await legacyOf(world);
        const source = await world.identity(await world.pki.identity());
        const good = await world.peer({ as: await legacy.issue({ dnsNames: ['localhost'] }) });
        const serverName = 'localhost';
        const strict = migrationOf(legacy, { mode: 'strict' });
        await wantRefused(world, source, good, 'a legacy server, by a strict client', {
          migration: strict,
          serverName,
        });
        const migration = migrationOf(legacy, { mode: 'permissive' });
        const elsewhere = await world.peer({ as: await legacy.issue({ dnsNames: ['elsewhere.corp.test'] }) });
        await wantRefused(world, source, elsewhere, 'a legacy server of another name', {
          migration,
          serverName,
        });
        const other = await world.pki.stranger('corp.test', { id: '' });
        const forged = await world.peer({ as: await other.issueLegacy({ dnsNames: ['localhost'] }) });
        await wantRefused(world, source, forged, 'a legacy server of another CA', { migration, serverName });
      },
    },
  ];
}
