import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { type TestSvid } from '@svidkit/testkit';

import { type Json, type JsonObject, member, textMember } from '../json.ts';
import { type AdapterHost } from '../protocol/adapter-host.ts';
import { type Capabilities } from '../protocol/capabilities.ts';
import { type KeyMaterial } from '../protocol/key-material.ts';
import { type Answer } from '../protocol/outcome.ts';
import { type AdapterEvent } from '../protocol/read-message.ts';
import { Ended, observed, want } from './ended.ts';
import { type Identity } from './identity.ts';
import { type Mount, type MountKind, mountOf } from './mount.ts';
import { PeerServer, type PeerServerOptions } from './peer-server.ts';
import { Pki } from './pki.ts';
import { SeededRandom } from './seeded-random.ts';
import { ServerUnderTest } from './server-under-test.ts';
import { SourceUnderTest } from './source-under-test.ts';
import { identityMessage } from './workload-messages.ts';
import { workloadApi } from './workload-stage.ts';

/** How long the kit waits for what has to come at all, in milliseconds, before `--timeout-factor`. */
const PATIENCE_MS = 10_000;

/** What an execution of a case is given. */
export interface WorldOptions {
  readonly host: AdapterHost;
  readonly capabilities: Capabilities;
  readonly caseId: string;
  /** An empty directory of its own. */
  readonly directory: string;
  readonly seed: string;
}

/** Everything that the script of one case works with. What it makes is gone after the case. */
export class World {
  /** The certificate authorities of the kit. */
  readonly pki: Pki = new Pki();
  /** The steps of the script, for people. */
  readonly log: string[] = [];
  /** The same for the same seed. */
  readonly random: SeededRandom;
  readonly capabilities: Capabilities;
  readonly #options: WorldOptions;
  readonly #resources: (() => Promise<void> | void)[] = [];
  readonly #events = new Map<string, AdapterEvent[]>();
  readonly #listeners = new Set<(event: AdapterEvent) => void>();
  readonly #begin = performance.now();
  #convergenceMs: number | undefined;
  #directories = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.capabilities = options.capabilities;
    this.random = new SeededRandom(`${options.seed}\n${options.caseId}`);
  }

  /** The longest time that a change took to be in use, in milliseconds; undefined when none was waited for. */
  get convergenceMs(): number | undefined {
    return this.#convergenceMs;
  }

  /** How long to wait for what has to come, in milliseconds. */
  get patienceMs(): number {
    return Math.ceil(PATIENCE_MS * this.#options.host.timeoutFactor);
  }

  /** What bounds are multiplied with. Slow machines may be given more time, never less. */
  get boundFactor(): number {
    return Math.max(1, this.#options.host.timeoutFactor);
  }

  /** Writes down what is done. */
  note(text: string): void {
    this.log.push(`${(performance.now() - this.#begin).toFixed(0).padStart(6)} ms  ${text}`);
  }

  /** A change was in use after so many milliseconds. */
  converged(ms: number): void {
    this.#convergenceMs = Math.max(this.#convergenceMs ?? 0, ms);
  }

  /** The adapter wrote an event. */
  heard(event: AdapterEvent): void {
    this.note(`event ${event.event} ${event.handle} ${JSON.stringify(event.data).slice(0, 300)}`);
    this.eventsOf(event.handle).push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** What happened to something that is open, the earliest first. The list grows. */
  eventsOf(handle: string): AdapterEvent[] {
    const events = this.#events.get(handle) ?? [];
    this.#events.set(handle, events);
    return events;
  }

  /** Waits for an event. */
  async event(what: string, fits: (event: AdapterEvent) => boolean): Promise<AdapterEvent> {
    for (const events of this.#events.values()) {
      const found = events.find((event) => fits(event));
      if (found !== undefined) return found;
    }
    const { promise, resolve } = Promise.withResolvers<AdapterEvent | undefined>();
    const timer = setTimeout(resolve, this.patienceMs, undefined);
    const listener = (event: AdapterEvent): void => {
      if (fits(event)) resolve(event);
    };
    this.#listeners.add(listener);
    const found = await promise;
    clearTimeout(timer);
    this.#listeners.delete(listener);
    if (found === undefined) throw observed(`no event told ${what} within ${this.patienceMs} ms`);
    return found;
  }

  /** Waits until an SVID has expired for everyone: validity counts in seconds, and clocks read it to the end of one. */
  async expiryOf({ notAfter }: TestSvid): Promise<void> {
    await pause(Math.max(0, notAfter - Date.now()) + 1000);
    this.note('its SVID has expired');
  }

  /** A call that has an answer: yes or no. Anything else ends the case. */
  async ask(op: string, params: JsonObject): Promise<Extract<Answer, { readonly kind: 'ok' | 'reject' }>> {
    const { host, caseId } = this.#options;
    const begin = performance.now();
    const outcome = await host.call(op, params, {
      // The factor is the host's to apply, and what the call waits for itself has it already.
      deadlineMs: PATIENCE_MS * 2 + (Number(member(params, 'timeoutMs') ?? 0) / host.timeoutFactor || 0),
      caseId,
    });
    this.note(
      `${op} ${shown(params)} -> ${JSON.stringify(outcome).slice(0, 300)} (${(performance.now() - begin).toFixed(0)} ms)`,
    );
    if (outcome.kind === 'ok' || outcome.kind === 'reject') return outcome;
    throw new Ended(outcome);
  }

  /** A call that has to be answered with yes. */
  async call(op: string, params: JsonObject): Promise<JsonObject> {
    const answer = await this.ask(op, params);
    if (answer.kind === 'ok') return answer.value;
    throw observed(
      `${op} was rejected (${answer.code}${answer.message === undefined ? '' : `: ${answer.message}`})`,
    );
  }

  /** Takes in keys that the adapter is given in another way than by calls: it must not show them. */
  guard(material: readonly KeyMaterial[]): void {
    this.#options.host.guard(material);
  }

  /** Moves the clock of what the adapter has opened with the option `clock`. */
  async advanceClock(ms: number): Promise<void> {
    await this.call('clock.advance', { ms });
  }

  /** Something that has to be ended after the case, the latest first. */
  defer(end: () => Promise<void> | void): void {
    this.#resources.push(end);
  }

  /** A new directory of this case. */
  directory(name = 'mount'): string {
    const directory = join(this.#options.directory, `${name}-${++this.#directories}`);
    mkdirSync(directory);
    return directory;
  }

  /** A mount that nothing was written to yet. */
  mount(kind: MountKind = {}, directory: string = this.directory()): Mount {
    return mountOf(kind, directory, {
      note: (text) => this.note(text),
      guard: (material) => this.guard(material),
    });
  }

  /** Has the adapter open a mount, which may have an identity or not. */
  async open(mount: Mount, options: JsonObject = {}, more: JsonObject = {}): Promise<SourceUnderTest> {
    const params = { kind: 'mount', dir: mount.directory, layout: mount.layout, ...more };
    const answer = await this.call('source.open', { ...params, options: { pollMs: 1000, ...options } });
    return new SourceUnderTest(this, textMember(answer, 'handle'));
  }

  /** Has the adapter open a source that is ready, of the kind that it names first. */
  async identity(identity: Identity): Promise<SourceUnderTest> {
    const kind = this.capabilities.first('sources');
    if (kind === 'workloadApi') return this.#identityOfWorkloadApi(identity);
    if (kind === 'static') {
      const answer = await this.call('source.open', { kind: 'static', ...staticParams(identity) });
      const source = new SourceUnderTest(this, textMember(answer, 'handle'));
      source.writer = async (next) =>
        void (await this.call('source.set', { handle: source.handle, ...staticParams(next) }));
      return source;
    }
    const isFederated = identity.bundles.some(({ trustDomain }) => trustDomain !== identity.svid.trustDomain);
    const mount = this.mount({ writer: 'kubelet', layout: isFederated ? 'spiffe-filesystem' : 'split' });
    await mount.write(mount.files(identity));
    const source = await this.open(mount);
    source.writer = (next) => mount.write(mount.files(next));
    await source.until({ state: 'ready' }, 'an identity');
    return source;
  }

  /** For who has identities of a Workload API alone: one of this source, that gives it what it is to be. */
  async #identityOfWorkloadApi(identity: Identity): Promise<SourceUnderTest> {
    const api = await workloadApi(this);
    api.x509.publish(identityMessage(identity));
    const answer = await this.call('source.open', { kind: 'workloadApi', address: api.address });
    const source = new SourceUnderTest(this, textMember(answer, 'handle'));
    source.writer = (next) => Promise.resolve(api.x509.publish(identityMessage(next)));
    await source.until({ state: 'ready' }, 'an identity');
    return source;
  }

  /** Has the adapter serve. */
  async serve(source: SourceUnderTest, params: JsonObject): Promise<ServerUnderTest> {
    const answer = await this.call('server.start', { source: source.handle, protocol: 'line', ...params });
    const port = member(answer, 'port');
    want(typeof port === 'number', 'server.start was answered without a port');
    return new ServerUnderTest(this, textMember(answer, 'handle'), port);
  }

  /** Has the kit serve. The server ends with the case. */
  async peer(options: PeerServerOptions): Promise<PeerServer> {
    const peer = await PeerServer.start(options);
    this.defer(() => peer.close());
    return peer;
  }

  /** Has the adapter connect to a port of the kit, once. */
  connect(source: SourceUnderTest, port: number, params: JsonObject = {}): ReturnType<World['ask']> {
    const common = { source: source.handle, protocol: 'line', port, authorize: { any: true } };
    return this.ask('client.connect', { ...common, timeoutMs: this.patienceMs, ...params });
  }

  /** Ends the adapter as a run does, and wants it to end. It is started anew when it is needed again. */
  async restart(): Promise<void> {
    const problem = await this.restartIn(undefined);
    if (problem !== undefined) throw observed(`the adapter ${problem}`);
  }

  /**
   * Has the adapter started anew, with other variables in its environment, or with its own.
   *
   * @returns how the one before ended, where it did not end as it should: which may be for what other cases left behind.
   */
  async restartIn(
    env: Readonly<Record<string, string | undefined>> | undefined,
  ): Promise<string | undefined> {
    const problem = await this.#options.host.restart(env);
    this.note(`the adapter ended: ${problem ?? 'as it should'}`);
    return problem;
  }

  /** Ends what the script made. */
  async end(): Promise<void> {
    for (const resource of this.#resources.toReversed()) await resource();
  }
}

function staticParams({ svid, bundles }: Identity): JsonObject {
  return {
    cert: svid.certPem,
    key: svid.keyPem,
    bundles: Object.fromEntries(bundles.map(({ trustDomain, bundlePem }) => [trustDomain, bundlePem])),
  };
}

/** Parameters without the long texts in them. */
function shown(params: JsonObject): string {
  return JSON.stringify(params, (_name, value: Json) =>
    typeof value === 'string' && value.includes('-----BEGIN') ? '<PEM>' : value,
  ).slice(0, 400);
}
