// A workload: a process of one local user, which does what it is told over its channel to the parent.
import { createHash } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';

import { type Certificate, type SvidkitEvents, type X509Context, type X509Source } from '@svidkit/core';
import { type JwtSource } from '@svidkit/core/jwt';
import { openMountedJwtSource } from '@svidkit/mount';
import { openWorkloadApiJwtSource } from '@svidkit/workload-api';

import { AgentClient } from './agent-client.ts';
import {
  type AnswerMessage,
  type CommandMessage,
  type Commands,
  type IdentityReport,
  type WorkloadSpec,
} from './commands.ts';
import { describeError, failureOf } from './describe-error.ts';
import { callGrpc, serveGrpc } from './grpc.ts';
import { callHttps, serveHttps } from './https.ts';
import { Load } from './load.ts';
import { openSource } from './open-source.ts';
import { Relay } from './relay.ts';
import { serveBundle } from './serve-bundle.ts';
import { validateJwt } from './validate-jwt.ts';

const spec = JSON.parse(process.argv[2] ?? '') as WorkloadSpec;
become(spec.uid);

const serials: (string | undefined)[] = [];
const ids = new Set<string>();
const rejections: string[] = [];
const troubles: string[] = [];
const clientSerials = new Set<string>();
const closing: (() => Promise<unknown>)[] = [];
let requests = 0;
let opened: X509Source | undefined;
let openedJwt: Promise<JwtSource> | undefined;
let running: Load | undefined;
let asking: AgentClient | undefined;
let relaying: Relay | undefined;

subscribe('svidkit:peer.rejected', (message) => {
  rejections.push((message as SvidkitEvents['svidkit:peer.rejected']).error.code);
});
subscribe('svidkit:source.error', (message) => {
  troubles.push((message as SvidkitEvents['svidkit:source.error']).error.code);
});

const commands: Commands = {
  async open() {
    opened = await openSource(spec);
    note(opened.current);
    opened.onUpdate(note);
    closing.push(() => source().close());
    return report();
  },
  async attempt(waitMs) {
    try {
      await using found = await openSource(spec, waitMs);
      return { ok: true, value: found.current.svid.id.toString() };
    } catch (error) {
      return failureOf(error);
    }
  },
  troubles: async () => troubles,
  identity: async () => report(),
  async history() {
    const { status, problems } = source().health();
    return { serials, ids: [...ids], health: status, problems };
  },
  async serveHttps(options) {
    const server = await serveHttps(source(), options, admitted);
    closing.push(() => server.close());
    return server.port;
  },
  async serveGrpc(options) {
    const server = await serveGrpc(source(), options, admitted);
    closing.push(() => server.close());
    return server.port;
  },
  async serveBundle() {
    const server = await serveBundle(source());
    closing.push(() => server.close());
    return server.port;
  },
  served: async () => ({ requests, clientSerials: [...clientSerials], rejections }),
  callHttps: async (options) => callHttps(source(), options),
  callGrpc: async (options) => callGrpc(source(), options),
  async startLoad(options) {
    running = new Load(source(), options);
  },
  load: async () => load().report(),
  stopLoad: async () => load().stop(),
  async fetchJwt(audience) {
    const svid = await (await jwtSource()).fetchJwtSvid({ audience });
    return { id: svid.id.toString(), token: svid.token };
  },
  validateJwt: async (options) => validateJwt(await jwtSource(), options),
  listSvids: async () => client().svids(),
  listTokens: async (audience, subject) => client().tokens(audience, subject),
  askAboutJwt: async (options) => client().validate(options),
  follow: async () => client().follow(),
  followed: async () => client().followed(),
  async relay(from, to) {
    const opening = await Relay.open(from, to);
    relaying = opening;
    closing.push(() => opening.close());
  },
  cut: async (cuts) => relay().cut(cuts),
  relayed: async () => relay().report(),
  async close() {
    for (const close of closing.splice(0).toReversed()) await close();
    process.disconnect();
  },
};

process.on('message', (message: CommandMessage) => void obey(message));
// Nobody is left to tell what to do.
process.on('disconnect', () => process.exit());

async function obey({ number, name, args }: CommandMessage): Promise<void> {
  const command = commands[name] as (...given: readonly unknown[]) => Promise<unknown>;
  try {
    answer({ number, result: await command(...args) });
  } catch (error) {
    answer({ number, error: describeError(error) });
  }
}

function answer(message: AnswerMessage): void {
  if (process.connected) process.send?.(message);
}

function become(user: number): void {
  if (process.getuid?.() === user) return;
  process.setgroups?.([user]);
  process.setgid?.(user);
  process.setuid?.(user);
}

function admitted(serial: string): void {
  requests += 1;
  clientSerials.add(serial);
}

function source(): X509Source {
  if (opened === undefined) throw new Error('not opened');
  return opened;
}

async function jwtSource(): Promise<JwtSource> {
  if (spec.jwt === undefined) throw new Error('no JWT-SVIDs');
  openedJwt ??= 'address' in spec.jwt ? openWorkloadApiJwtSource(spec.jwt) : openMountedJwtSource(spec.jwt);
  return openedJwt;
}

/** For what is asked of the Workload API itself, at the address of the first source that has one. */
function client(): AgentClient {
  if (asking === undefined) {
    const address = spec.from.flatMap((one) => (one.kind === 'workload-api' ? [one.address] : []))[0];
    if (address === undefined) throw new Error('no Workload API');
    const made = new AgentClient(address);
    closing.push(() => made.close());
    asking = made;
  }
  return asking;
}

function relay(): Relay {
  if (relaying === undefined) throw new Error('no relay');
  return relaying;
}

function load(): Load {
  if (running === undefined) throw new Error('no load');
  return running;
}

function note(context: X509Context | undefined): void {
  serials.push(context?.svid.leaf.serialNumber);
  if (context !== undefined) ids.add(context.svid.id.toString());
}

function report(): IdentityReport {
  const { svid, bundles } = source().current;
  return {
    id: svid.id.toString(),
    fingerprint: sha256(svid.leaf),
    notAfter: svid.notAfter,
    chainLength: svid.certificates.length,
    hint: svid.hint,
    authorities: Object.fromEntries(
      bundles.trustDomains.map((trustDomain) => [
        trustDomain.toString(),
        bundles.require(trustDomain).authorities.map(sha256),
      ]),
    ),
  };
}

function sha256({ der }: Certificate): string {
  return createHash('sha256').update(der).digest('hex');
}
