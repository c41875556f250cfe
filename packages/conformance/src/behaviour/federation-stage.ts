import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import {
  fakeBundleEndpoint,
  type FakeBundleEndpoint,
  type FakeBundleEndpointOptions,
  type TestBundle,
  type TestCa,
} from '@svidkit/testkit';

import { type JsonObject, member, textMember } from '../json.ts';
import { documentOf } from './bundle-document.ts';
import { observed, wantSame } from './ended.ts';
import { sha256 } from './fingerprints.ts';
import { type World } from './world.ts';

/** Who serves the bundle of `b.test`. */
export const ENDPOINT_ID = 'spiffe://b.test/bundle-endpoint';

/** A bundle endpoint of the kit, and how a port is told to ask it for the bundle of `b.test`. */
export interface Stage {
  readonly endpoint: FakeBundleEndpoint;
  readonly params: JsonObject;
  /** The root of `b.test`. */
  readonly root: TestCa;
}

type Changes = Partial<FakeBundleEndpointOptions>;

/** An endpoint with a certificate for its host. */
export async function webStage(
  world: World,
  changes: Changes = {},
): Promise<Stage & { readonly web: TestCa }> {
  const web = await world.pki.stranger('web.test', { id: '' });
  const certificate = changes.certificate ?? (await web.issueLegacy({ dnsNames: ['localhost'] }));
  const stage = await stageOf(world, { ...changes, certificate });
  return { ...stage, web, params: { ...stage.params, profile: 'https_web', webRoots: web.pem } };
}

/** An endpoint with an SVID of the trust domain whose bundle it serves. */
export async function spiffeStage(world: World, changes: Changes = {}): Promise<Stage> {
  const root = await world.pki.root('b.test');
  const certificate = changes.certificate ?? (await root.issue({ id: ENDPOINT_ID }));
  const stage = await stageOf(world, { ...changes, certificate });
  const profile = { profile: 'https_spiffe', endpointId: ENDPOINT_ID, endpointBundle: root.bundlePem };
  return { ...stage, params: { ...stage.params, ...profile } };
}

async function stageOf(
  world: World,
  options: Changes & Pick<FakeBundleEndpointOptions, 'certificate'>,
): Promise<Stage> {
  const root = await world.pki.root('b.test');
  const endpoint = await fakeBundleEndpoint({ reply: { document: documentOf(root) }, ...options });
  world.defer(() => endpoint.close());
  return { endpoint, root, params: { url: endpoint.url, trustDomain: 'b.test' } };
}

/** A place that serves the same documents without TLS. Gives its port, and how often it was asked. */
export async function plainEndpoint(
  world: World,
  document: string,
): Promise<{ readonly port: number; readonly asked: () => number }> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.setHeader('content-type', 'application/json').end(document);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  world.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, asked: () => asked };
}

/** The fingerprints of authorities, as the protocol has them. */
function fingerprintsOf({ authorities }: TestBundle): readonly string[] {
  return authorities.map((der) => sha256(der)).toSorted();
}

/** Wants a port to get the bundle of a stage. */
export async function wantFetched(
  world: World,
  { params, root }: Pick<Stage, 'params' | 'root'>,
  what = 'a good endpoint',
): Promise<JsonObject> {
  const answer = await world.ask('federation.fetch', params);
  if (answer.kind === 'reject')
    throw observed(`${what} was refused (${answer.code}: ${answer.message ?? ''})`);
  wantSame(`the authorities from ${what}`, member(answer.value, 'x509Sha256'), fingerprintsOf(root));
  return answer.value;
}

/** Wants a port to take nothing. */
export async function wantNothing(world: World, params: JsonObject, what: string): Promise<void> {
  const answer = await world.ask('federation.fetch', params);
  if (answer.kind === 'ok') throw observed(`${what} was taken for a bundle`);
}

/** A federated bundle that a port follows. */
export class Follower {
  readonly handle: string;
  readonly #world: World;

  private constructor(world: World, handle: string) {
    this.#world = world;
    this.handle = handle;
  }

  /** Has the port follow the bundle of a stage. */
  static async start(
    world: World,
    { params }: Pick<Stage, 'params'>,
    options: JsonObject = {},
  ): Promise<Follower> {
    const answer = await world.call('federation.watch', { ...params, options });
    return new Follower(world, textMember(answer, 'handle'));
  }

  /** Has it ask the endpoint now. */
  refresh(): ReturnType<World['ask']> {
    return this.#world.ask('federation.refresh', { handle: this.handle });
  }

  /** Has it ask now, and wants that to succeed. */
  async refreshed(what: string): Promise<void> {
    const answer = await this.refresh();
    if (answer.kind === 'reject')
      throw observed(`${what} was refused (${answer.code}: ${answer.message ?? ''})`);
  }

  /** Wants authorities to be in use now. */
  async has(bundle: TestBundle, when: string): Promise<void> {
    const answer = await this.#world.call('federation.get', { handle: this.handle });
    wantSame(`the authorities in use ${when}`, member(answer, 'x509Sha256'), fingerprintsOf(bundle));
  }

  /** Wants authorities to be in use soon. */
  async toHave(bundle: TestBundle, when: string): Promise<void> {
    const wanted = JSON.stringify(fingerprintsOf(bundle));
    for (const end = performance.now() + this.#world.patienceMs; performance.now() < end;) {
      const answer = await this.#world.call('federation.get', { handle: this.handle });
      if (JSON.stringify(member(answer, 'x509Sha256')) === wanted) return;
      await pause(20);
    }
    await this.has(bundle, when);
  }

  /** Ends the federation. */
  async terminate(): Promise<void> {
    await this.#world.call('federation.terminate', { handle: this.handle });
  }
}

/** Waits for what an endpoint has to see. */
export async function inTime(world: World, what: string, seen: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, world.patienceMs, false);
  void seen.then(() => resolve(true));
  const isSeen = await promise;
  clearTimeout(timer);
  if (!isSeen) throw observed(`${what} did not come within ${world.patienceMs} ms`);
}
