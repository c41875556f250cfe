import { setTimeout as pause } from 'node:timers/promises';

import { type TestBundle, type TestSvid } from '@svidkit/testkit';

import { isStringList, type Json, type JsonObject, member, objectMember, textMember } from '../json.ts';
import { AwakeTime } from './awake-time.ts';
import { observed, wantSame } from './ended.ts';
import { sha256 } from './fingerprints.ts';
import { type Identity } from './identity.ts';
import { type World } from './world.ts';

/** How fast a change has to be in use, in milliseconds (DEC-7). */
const BOUND_MS = 1000;
/** How often to look where looking is all there is, in milliseconds. */
const LOOK_MS = 20;

/** A source that the adapter has open. */
export class SourceUnderTest {
  readonly handle: string;
  /** How to give it another identity; set where the kind of source does not matter. */
  writer: ((identity: Identity) => Promise<void>) | undefined;
  readonly #world: World;

  constructor(world: World, handle: string) {
    this.#world = world;
    this.handle = handle;
  }

  /** How it is now. */
  get(): Promise<JsonObject> {
    return this.#world.call('source.get', { handle: this.handle });
  }

  /** Waits for what has to come at all. */
  async until(until: JsonObject, what: string): Promise<JsonObject> {
    const timeoutMs = this.#world.patienceMs;
    const snapshot = await this.#world.call('source.wait', { handle: this.handle, until, timeoutMs });
    if (member(snapshot, 'met') === true) return snapshot;
    const error = textMember(objectMember(snapshot, 'lastError'), 'code');
    throw observed(
      `the source did not come to ${what} within ${timeoutMs} ms; it is ${textMember(snapshot, 'state')}${error === '' ? '' : ` (${error})`}`,
    );
  }

  /**
   * Waits for a change that was made just now, and wants it within the bound.
   *
   * @param boundMs - how long it may take. Default: one second.
   */
  async converge(until: JsonObject, what: string, boundMs: number = BOUND_MS): Promise<JsonObject> {
    const time = new AwakeTime();
    const snapshot = await this.until(until, what).finally(() => time.end());
    const { ms } = time;
    this.#world.note(`${what} after ${ms} ms`);
    this.#world.converged(ms);
    const bound = boundMs * this.#world.boundFactor;
    if (ms > bound) throw observed(`the source came to ${what} after ${ms} ms, and has ${bound} ms for it`);
    return snapshot;
  }

  /** Looks until something is so, for what cannot be waited for otherwise; wants it within the bound. */
  async eventually(
    what: string,
    isSo: (snapshot: JsonObject) => boolean,
    boundMs: number = this.#world.patienceMs,
  ): Promise<JsonObject> {
    const time = new AwakeTime();
    try {
      for (;;) {
        const snapshot = await this.get();
        if (isSo(snapshot)) {
          this.#world.note(`${what} after ${time.ms} ms`);
          return snapshot;
        }
        if (time.ms > boundMs * this.#world.boundFactor) {
          throw observed(`the source did not come to ${what} within ${boundMs} ms`);
        }
        await pause(LOOK_MS);
      }
    } finally {
      time.end();
    }
  }

  /** Waits for an SVID that was written just now. */
  async toHave({ chainDer }: TestSvid, boundMs?: number): Promise<JsonObject> {
    const until = { leafSha256: leafOf(chainDer) };
    const snapshot = await this.converge(until, 'the new SVID', boundMs);
    wantSame(
      'the chain in use',
      member(snapshot, 'chainSha256'),
      chainDer.map((der) => sha256(der)),
    );
    return snapshot;
  }

  /** Waits for the bundle of a trust domain that was written just now. */
  toTrust(bundle: TestBundle, boundMs?: number): Promise<JsonObject> {
    return this.converge({ bundle: untilBundle(bundle) }, `the new bundle of ${bundle.trustDomain}`, boundMs);
  }

  /** Gives it another identity, and waits until that is in use. */
  async rotate(identity: Identity): Promise<void> {
    if (this.writer === undefined) throw new Error('this source is written by the script');
    await this.writer(identity);
    await this.toHave(identity.svid);
    for (const bundle of identity.bundles) await this.toTrust(bundle);
  }

  /** Wants an SVID to be in use now. */
  async has({ chainDer }: TestSvid, when: string): Promise<JsonObject> {
    const snapshot = await this.get();
    wantSame(`the SVID in use ${when}`, textMember(snapshot, 'leafSha256'), leafOf(chainDer));
    return snapshot;
  }

  /** The leaves that it told to be in use, in order. */
  get updates(): readonly string[] {
    return this.#world
      .eventsOf(this.handle)
      .filter(({ event }) => event === 'source.update')
      .map(({ data }) => textMember(data, 'leafSha256'));
  }

  /** The codes of the errors that it told, in order. */
  get errors(): readonly string[] {
    return this.#world
      .eventsOf(this.handle)
      .filter(({ event }) => event === 'source.error')
      .map(({ data }) => textMember(data, 'code'));
  }

  /** Wants that one SVID was never in use, as far as was told. */
  neverHad({ chainDer }: Pick<TestSvid, 'chainDer'>, what: string): void {
    if (this.updates.includes(leafOf(chainDer))) throw observed(`${what} was in use for a while`);
  }

  async close(): Promise<void> {
    await this.#world.call('source.close', { handle: this.handle });
  }
}

/** The fingerprint by which an SVID is known. */
export function leafOf(chainDer: readonly Uint8Array[]): string {
  return sha256(chainDer[0] ?? new Uint8Array());
}

/** The condition to have exactly these authorities. */
function untilBundle({ trustDomain, authorities }: TestBundle): { readonly [name: string]: Json } {
  return { trustDomain, sha256: authorities.map((der) => sha256(der)) };
}

/** The authorities of a trust domain, as a snapshot has them. */
export function authoritiesIn(snapshot: JsonObject, trustDomain: string): readonly string[] {
  const list = member(objectMember(snapshot, 'bundles'), trustDomain);
  return isStringList(list) ? list : [];
}
