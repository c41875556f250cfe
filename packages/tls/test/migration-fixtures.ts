import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { type Server, type TLSSocket } from 'node:tls';

import { type Authorizer, authorizeId, type MigrationPolicySource, type SvidkitEvents } from '@svidkit/core';
import { createTestCa, type LegacyIssueOptions, type TestCa, type TestCertificate } from '@svidkit/testkit';
import {
  anyPeerOf,
  connectTls,
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  createTlsServer,
  type IdentityInput,
  legacyDnsName,
  legacyIdentity,
  type LegacyIdentityOptions,
  secureServer,
  type SecureServerOptions,
} from '@svidkit/tls';

import {
  answerRequests,
  closing,
  exchange,
  get,
  type Identity,
  knock,
  type RawServer,
  rawServer,
  serve,
  type Service,
  sourceOf,
} from './fixtures.ts';

/** The authorities of a migration. */
export interface MigrationWorld {
  /** The SPIFFE authority of a.test. */
  readonly spiffe: TestCa;
  /** The authority from before SPIFFE. */
  readonly legacy: TestCa;
  /** An authority without SPIFFE IDs that nobody trusts. */
  readonly foreign: TestCa;
}

let made: Promise<MigrationWorld> | undefined;

/** Made once: authorities are immutable. */
export function migrationWorld(): Promise<MigrationWorld> {
  made ??= makeWorld();
  return made;
}

async function makeWorld(): Promise<MigrationWorld> {
  const [spiffe, legacy, foreign] = await Promise.all([
    createTestCa({ trustDomain: 'a.test' }),
    createTestCa({ trustDomain: 'corp.test', id: '' }),
    createTestCa({ trustDomain: 'corp.test', id: '' }),
  ]);
  return { spiffe, legacy, foreign };
}

/** The legacy server that answers at `localhost`. */
export const LOCALHOST: LegacyIssueOptions = { commonName: 'legacy server', dnsNames: ['localhost'] };
/** The legacy client that is let in. */
export const WEB: LegacyIssueOptions = { dnsNames: ['web.corp.test'] };
export const WEB_ID = 'spiffe://a.test/web';

/** A legacy identity of `ca` that lets in {@link WEB}. */
export async function legacyOf(
  ca: TestCa,
  names: LegacyIssueOptions = LOCALHOST,
  options: Partial<LegacyIdentityOptions> = {},
): Promise<ReturnType<typeof legacyIdentity>> {
  return legacyIdentity(legacyOptions(ca, await ca.issueLegacy(names), options));
}

/** What {@link legacyOf} gives to `legacyIdentity`. */
export function legacyOptions(
  ca: TestCa,
  own: TestCertificate,
  options: Partial<LegacyIdentityOptions> = {},
): LegacyIdentityOptions {
  return {
    certificates: own.certPem,
    privateKey: own.keyPem,
    authorities: ca.bundlePem,
    clients: legacyDnsName('web.corp.test'),
    ...options,
  };
}

/** An identity of both kinds: `/server` of a.test, and {@link LOCALHOST}. */
export async function bothKinds(
  path = '/server',
  names: LegacyIssueOptions = LOCALHOST,
): Promise<Extract<IdentityInput, { readonly spiffe: unknown }>> {
  const { spiffe, legacy } = await migrationWorld();
  return { spiffe: await sourceOf(spiffe, { path }), legacy: await legacyOf(legacy, names) };
}

export type MigrationServerOptions = Partial<SecureServerOptions>;

/** An HTTPS server with an application that says what kind of peer it sees. */
export function anyServer(identity: IdentityInput, options?: MigrationServerOptions): Promise<Service> {
  return serve((handled) =>
    createHttpsServer(identity, { authorize: authorizeWeb(), ...options }, answering(handled)),
  );
}

/** Every kind of gated server, with an application that says what kind of peer it sees, and how to ask it. */
export const MIGRATION_SERVERS: Readonly<
  Record<
    string,
    {
      readonly start: (identity: IdentityInput, options?: MigrationServerOptions) => Promise<Service>;
      /** Gives the answer, or undefined when there was none. */
      readonly ask: (port: number, client?: Identity) => Promise<string | undefined>;
    }
  >
> = {
  createTlsServer: {
    start: (identity, options) =>
      serve((handled) =>
        createTlsServer(identity, { authorize: authorizeWeb(), ...options }, (socket: TLSSocket) => {
          handled.push(describeAny(socket));
          answerRequests(socket, () => `${describeAny(socket)}\n`);
        }),
      ),
    ask: askHttp1,
  },
  createHttpsServer: {
    start: anyServer,
    ask: askHttp1,
  },
  'secureServer over https': {
    start: (identity, options) =>
      serve((handled) =>
        secureServer(createHttps(answering(handled)), identity, { authorize: authorizeWeb(), ...options }),
      ),
    ask: askHttp1,
  },
  'secureServer over http2': {
    start: (identity, options) =>
      serve((handled): Server =>
        secureServer(createSecureServer({}, answering(handled) as never), identity, {
          authorize: authorizeWeb(),
          ...options,
        }),
      ),
    ask: askHttp2,
  },
};

/** Lets in {@link WEB_ID} alone. */
export function authorizeWeb(): Authorizer {
  return authorizeId(WEB_ID);
}

/** `peer=KIND NAME`. */
export function describeAny(holder: Parameters<typeof anyPeerOf>[0]): string {
  const peer = anyPeerOf(holder);
  return `peer=${peer.kind} ${peer.kind === 'spiffe' ? peer.id.toString() : peer.name}`;
}

function answering(handled: string[]) {
  return (request: object, response: { end(text: string): void }): void => {
    handled.push(describeAny(request));
    response.end(`${describeAny(request)}\n`);
  };
}

async function askHttp1(port: number, client?: Identity): Promise<string | undefined> {
  return (await knock(port, client)).line;
}

function askHttp2(port: number, client?: Identity): Promise<string | undefined> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    ...(client === undefined ? {} : { cert: client.certPem, key: client.keyPem }),
  });
  closing(session, () => session.destroy());
  return new Promise((resolve) => {
    let answer = '';
    const stream = session.request({ ':path': '/' });
    session.on('error', () => {});
    session.once('close', () => resolve(undefined));
    stream.on('error', () => {});
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      answer += chunk;
    });
    stream.once('close', () => {
      resolve(answer === '' ? undefined : answer.trim());
      session.close();
    });
  });
}

export type MigrationDecision = SvidkitEvents['svidkit:migration.decision'];

/** The migration decisions of one side since this call, until the test ends. */
export function decisionsOf(side: 'client' | 'server'): MigrationDecision[] {
  const decisions: MigrationDecision[] = [];
  const listener = (event: unknown): void => {
    const decision = event as MigrationDecision;
    if (decision.side === side) decisions.push(decision);
  };
  subscribe('svidkit:migration.decision', listener);
  closing(decisions, () => unsubscribe('svidkit:migration.decision', listener));
  return decisions;
}

/** A decision in one line: `KIND shown PRESENTED in MODE: RESULT [PEER] [CODE]`. */
export function lineOf({ kind, presented, mode, result, peer, error }: MigrationDecision): string {
  return [`${kind} shown ${presented} in ${mode}: ${result}`, peer, error?.code]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** A server from before SPIFFE: OpenSSL judges its clients, by the legacy authority alone. */
export async function legacyServer(options: {
  readonly names?: LegacyIssueOptions;
  readonly ca?: TestCa;
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
}): Promise<RawServer> {
  const { legacy } = await migrationWorld();
  const { names = LOCALHOST, ca = legacy, version = 'TLSv1.3' } = options;
  return rawServer(await ca.issueLegacy(names), {
    ca: legacy.bundlePem,
    rejectUnauthorized: true,
    minVersion: version,
    maxVersion: version,
  });
}

/** How a client of {@link MIGRATION_CLIENTS} connects. */
export interface MigrationTarget {
  readonly port: number;
  readonly host?: string;
  readonly minVersion?: 'TLSv1.2';
  readonly policy?: MigrationPolicySource;
  readonly accept?: 'strict' | 'permissive';
  readonly prefer?: 'spiffe' | 'legacy';
}

/** Every way to be a client that opens its connections itself. Each sends a secret, and resolves with the answer. */
export const MIGRATION_CLIENTS: Readonly<
  Record<string, (identity: IdentityInput, target: MigrationTarget) => Promise<string>>
> = {
  connectTls: async (identity, { port, host = 'localhost', ...options }) =>
    exchange(await connectTls(identity, { authorize: authorizeServer(), host, port, family: 4, ...options })),
  createHttpsAgent: async (identity, { port, host = 'localhost', ...options }) => {
    const agent = createHttpsAgent(identity, { authorize: authorizeServer(), keepAlive: false, ...options });
    closing(agent, () => agent.destroy());
    return get({ agent, host, port, family: 4 });
  },
};

/** Lets in the server of {@link bothKinds}. */
export function authorizeServer(): Authorizer {
  return authorizeId('spiffe://a.test/server');
}

/** An HTTP/2 client; gives the answer. */
export async function http2Get(
  identity: IdentityInput,
  { port, host = 'localhost', ...options }: MigrationTarget,
): Promise<string> {
  const client = createHttp2Client(identity, `https://${host}:${port}`, {
    authorize: authorizeServer(),
    target: { host, port, family: 4 },
    ...options,
  });
  closing(client, () => client.destroy());
  const stream = await client.request({ ':path': '/' });
  return text(stream);
}

/** The identity of a client: `/web` of a.test, and {@link WEB}. */
export function webIdentity(): ReturnType<typeof bothKinds> {
  return bothKinds('/web', WEB);
}
