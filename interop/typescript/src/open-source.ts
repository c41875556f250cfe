import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import {
  BundleSet,
  isSpiffeError,
  type SpiffeError,
  staticX509Source,
  type SvidkitEvents,
  TrustDomain,
  type X509Context,
  X509Bundle,
  type X509Source,
  X509Svid,
} from '@svidkit/core';
import { type MountOptions } from '@svidkit/mount';
import { type PickSvid, type WorkloadApiX509SourceOptions } from '@svidkit/workload-api';

import { engine } from './engine.ts';
import { clockOf } from './kit-clock.ts';
import { type Closable } from './open-things.ts';
import { BadParams, isObject, type JsonObject, object, text } from './params.ts';
import { reasonOf } from './reason-of.ts';
import { tell } from './tell.ts';

type ErrorEvent = SvidkitEvents['svidkit:source.error'];

const KINDS: ReadonlySet<string> = new Set(['mount', 'static', 'federated', 'workloadApi']);

/** A source that a call opened: it tells what happens to it, and can be waited for. */
export class OpenSource implements Closable {
  /** The source; rejects when it could not be opened. */
  readonly opened: Promise<X509Source>;
  readonly #handle: string;
  readonly #federated: (params: JsonObject) => Promise<X509Source>;
  readonly #directory: string | undefined;
  readonly #address: string | undefined;
  /** Whether the first identity comes later than the answer to the call. */
  readonly #isLate: boolean;
  readonly #waiters = new Set<() => void>();
  readonly #abort = new AbortController();
  readonly #onError = (message: unknown): void => this.#heard(message as ErrorEvent);
  #source: X509Source | undefined;
  #lastError: SpiffeError | undefined;
  #hasFailed = false;
  #isClosed = false;

  constructor(handle: string, params: JsonObject, federated: (params: JsonObject) => Promise<X509Source>) {
    this.#federated = federated;
    this.#handle = handle;
    const kind = text(params, 'kind');
    if (!KINDS.has(kind)) throw new BadParams(`kind: ${kind}`);
    this.#isLate = isLate(kind);
    this.#address = kind === 'workloadApi' ? addressOf(params) : undefined;
    this.#directory = kind === 'mount' ? text(params, 'dir') : undefined;
    subscribe('svidkit:source.error', this.#onError);
    this.opened = this.#open(params);
    // Whoever needs it is told; nobody has to.
    this.opened.catch(() => {});
  }

  /** How it is now. */
  snapshot(): JsonObject {
    const context = this.#current();
    const error = this.#lastError;
    const more = error === undefined ? {} : { lastError: { code: reasonOf(error), message: error.message } };
    if (context === undefined) return { state: this.#state(), generation: 0, bundles: {}, ...more };
    return { state: 'ready', ...describe(context), ...more };
  }

  /** Waits until `isMet` or for so many milliseconds, and tells which it was. */
  async wait(isMet: (snapshot: JsonObject) => boolean, timeoutMs: number): Promise<JsonObject> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const look = (): void => {
      if (isMet(this.snapshot())) resolve(true);
    };
    const timer = setTimeout(resolve, timeoutMs, false);
    this.#waiters.add(look);
    look();
    const met = await promise;
    clearTimeout(timer);
    this.#waiters.delete(look);
    return { met, ...this.snapshot() };
  }

  /** Replaces the identity of a static source. */
  async set(params: JsonObject): Promise<void> {
    const source = await this.opened;
    if (!('update' in source)) throw new BadParams('handle: want a static source');
    const { svid, bundles } = identityOf(params);
    (source as ReturnType<typeof staticX509Source>).update(svid, bundles);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    unsubscribe('svidkit:source.error', this.#onError);
    this.#abort.abort();
    await this.#source?.close();
    this.#wake();
  }

  async #open(params: JsonObject): Promise<X509Source> {
    try {
      const source = await this.#make(params);
      if (this.#isClosed) await source.close();
      else this.#follow(source);
      return source;
    } catch (error) {
      this.#hasFailed = true;
      if (!this.#isClosed && isSpiffeError(error)) this.#failed(error);
      throw error;
    }
  }

  async #make(params: JsonObject): Promise<X509Source> {
    if (params['kind'] === 'federated') return this.#federated(params);
    if (params['kind'] === 'workloadApi') {
      return engine.openWorkloadApiX509Source({ ...workloadOptions(params), signal: this.#abort.signal });
    }
    return this.#directory === undefined
      ? staticX509Source(identityOf(params))
      : engine.openMountedX509Source({ ...mountOptions(params), signal: this.#abort.signal });
  }

  #follow(source: X509Source): void {
    this.#source = source;
    this.#lastError = undefined;
    source.onUpdate((context) => {
      if (this.#isClosed) return;
      if (context !== undefined) this.#lastError = undefined;
      this.#tell('source.update', this.snapshot());
    });
    if (this.#isLate) this.#tell('source.update', this.snapshot());
    this.#wake();
  }

  #heard({ source, error }: ErrorEvent): void {
    if (source === undefined || this.#isClosed) return;
    const isOurs =
      this.#source === undefined
        ? ('directory' in source && source.directory === this.#directory) ||
          ('address' in source && source.address === this.#address)
        : source === this.#source;
    if (isOurs) this.#failed(error);
  }

  #failed(error: SpiffeError): void {
    this.#lastError = error;
    this.#tell('source.error', { code: reasonOf(error), message: error.message });
  }

  #tell(event: string, data: JsonObject): void {
    // After the answer to the call that opened it, however fast that was.
    setImmediate(() => {
      if (!this.#isClosed) tell({ event, handle: this.#handle, data });
    });
    this.#wake();
  }

  #wake(): void {
    for (const look of this.#waiters) look();
  }

  #current(): X509Context | undefined {
    try {
      return this.#source?.current;
    } catch (error) {
      if (isSpiffeError(error)) this.#lastError ??= error;
      return undefined;
    }
  }

  #state(): string {
    if (this.#isClosed) return 'closed';
    if (this.#hasFailed) return 'failed';
    return this.#source === undefined ? 'waiting' : 'empty';
  }
}

/** Whether the answer to the call that opens a source does not wait for its first identity. */
export function isLate(kind: unknown): boolean {
  return kind === 'mount' || kind === 'workloadApi';
}

function describe({ svid, bundles, generation }: X509Context): JsonObject {
  return {
    id: svid.id.toString(),
    leafSha256: svid.certificates[0]?.fingerprint256,
    chainSha256: svid.certificates.map((one) => one.fingerprint256),
    bundles: Object.fromEntries(
      Array.from(bundles, (bundle) => [
        bundle.trustDomain.name,
        bundle.authorities.map((one) => one.fingerprint256),
      ]),
    ),
    generation,
  };
}

function identityOf(params: JsonObject): { svid: X509Svid; bundles: BundleSet } {
  const bundles = Object.entries(object(params, 'bundles')).map(([name, pem]) =>
    X509Bundle.fromPem(TrustDomain.parse(name), String(pem)),
  );
  return {
    svid: X509Svid.fromPem({ certificates: text(params, 'cert'), privateKey: text(params, 'key') }),
    bundles: BundleSet.of(...bundles),
  };
}

const LAYOUTS: Readonly<Record<string, MountOptions['layout']>> = {
  split: 'kubernetes-secret',
  'spiffe-helper': 'spiffe-helper',
  'credential-bundle': 'pod-certificate',
  'spiffe-filesystem': 'spiffe-filesystem',
};

function mountOptions(params: JsonObject): MountOptions {
  const layout = text(params, 'layout');
  const options = isObject(params['options']) ? params['options'] : {};
  const { pollMs, watch, waitMs, maxFileBytes } = options as Readonly<Record<string, number>>;
  const known = LAYOUTS[layout];
  if (known === undefined && layout !== 'custom') throw new BadParams(`layout: ${layout}`);
  return {
    directory: text(params, 'dir'),
    ...(known === undefined ? {} : { layout: known }),
    ...(params['files'] === undefined ? {} : { files: object(params, 'files') }),
    ...(params['bundleMap'] === undefined ? {} : { bundles: text(params, 'bundleMap') }),
    ...(params['bundles'] === undefined
      ? {}
      : { bundles: object(params, 'bundles') as Readonly<Record<string, string>> }),
    ...(pollMs === undefined ? {} : { pollIntervalMs: pollMs }),
    ...(watch === undefined ? {} : { watch: Boolean(watch) }),
    ...(waitMs === undefined ? {} : { wait: waitMs }),
    ...clockOf(params),
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
  };
}

function addressOf(params: JsonObject): string | undefined {
  // oxlint-disable-next-line node/no-process-env -- where the library looks when it is told nothing
  return params['address'] === undefined ? process.env['SPIFFE_ENDPOINT_SOCKET'] : text(params, 'address');
}

function workloadOptions(params: JsonObject): WorkloadApiX509SourceOptions {
  const { pick, keepUntilExpiry } = isObject(params['options']) ? params['options'] : {};
  return {
    ...(params['address'] === undefined ? {} : { address: text(params, 'address') }),
    ...(pick === undefined ? {} : { pick: pick as PickSvid }),
    ...clockOf(params),
    ...(keepUntilExpiry === undefined ? {} : { keepUntilExpiry: keepUntilExpiry === true }),
  };
}
