import { type Clock, systemClock } from './clock.ts';
import { isSpiffeError, SpiffeError } from './errors.ts';
import { kindOf } from './quote.ts';
import { SourceCell } from './source-cell.ts';
import { healthAt } from './source-health.ts';
import { type SourceHealth, type X509Context, type X509Source } from './source.ts';

/** Options of {@link firstHealthy}. */
export interface FirstHealthyOptions {
  /** Whether closing the combination closes the sources too. @default true */
  readonly closeSources?: boolean;
  /** @default systemClock */
  readonly clock?: Clock;
}

/**
 * One source out of several: it gives what the first of them that has something to use gives, and falls over, and
 * back, as they change. Its generations are its own and only ever grow; `svid` and `bundles` are the very objects of
 * the source in use, and always both of the same one.
 *
 * With nothing usable in any of them `current` throws `ERR_SOURCE_EMPTY` with the reason of each. Sources that are
 * already closed, or close later, are passed over.
 *
 * @param sources - at least one, the preferred first. They are closed with the combination, unless `closeSources` is
 * false.
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`.
 */
export function firstHealthy(sources: readonly X509Source[], options: FirstHealthyOptions = {}): X509Source {
  const { clock = systemClock, closeSources = true } = options;
  const choice = new Choice(requireSources(sources), clock, () => source);
  const close = async (): Promise<void> => {
    choice.close();
    if (closeSources) await closeAll(choice.sources);
  };
  const source: X509Source = Object.freeze({
    get current() {
      return choice.current;
    },
    closed: choice.cell.closed,
    onUpdate: (listener: (context: X509Context | undefined) => void) => choice.cell.onUpdate(listener),
    health: () => choice.health(),
    close,
    [Symbol.asyncDispose]: close,
  });
  choice.follow();
  return source;
}

class Choice {
  readonly sources: readonly X509Source[];
  readonly cell: SourceCell;
  readonly #subscriptions: Disposable[] = [];
  /** What the cell holds, as the source it came from knows it. */
  #chosen: { readonly source: X509Source; readonly context: X509Context } | undefined;

  constructor(sources: readonly X509Source[], clock: Clock, source: () => X509Source) {
    this.sources = sources;
    this.cell = new SourceCell({ source, clock });
  }

  follow(): void {
    const select = (): void => void this.#select();
    for (const source of this.sources) {
      if (source.closed.aborted) continue;
      this.#subscriptions.push(source.onUpdate(select));
    }
    // Before the listeners of others, so that they learn of the next choice right after the expiry.
    this.#subscriptions.push(this.cell.onUpdate((context) => context ?? select()));
    this.#select();
  }

  get current(): X509Context {
    this.#select();
    return this.cell.current;
  }

  health(): SourceHealth {
    const failures = this.#select();
    const context = this.cell.latest;
    if (context === undefined || this.#chosen === undefined) return healthAt(undefined, this.cell.failure, 0);
    const health = this.#chosen.source.health();
    const problems = failures.map(({ message }) => message);
    return Object.freeze({
      ...health,
      generation: context.generation,
      lastError: health.lastError ?? failures[0]?.error,
      problems: Object.freeze([...problems, ...health.problems]),
    });
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    this.cell.close();
    this.#chosen = undefined;
  }

  /** Makes the first usable one the current one. Gives why each one before it is not. */
  #select(): readonly Failure[] {
    const failures: Failure[] = [];
    for (const [index, source] of this.sources.entries()) {
      try {
        this.#use(source, `source ${index + 1} of ${this.sources.length}`);
        return failures;
      } catch (error) {
        failures.push(new Failure(index, error));
      }
    }
    this.#chosen = undefined;
    this.cell.withdraw(nothingUsable(failures), 'no source is usable');
    return failures;
  }

  #use(source: X509Source, reason: string): void {
    const context = source.current;
    if (this.#chosen?.context === context && this.cell.latest !== undefined) return;
    const { svid, bundles } = context;
    const before = this.#chosen;
    // Set before the listeners are told, because they read `current`.
    this.#chosen = { source, context };
    try {
      this.cell.publish({ svid, bundles }, reason);
    } catch (error) {
      this.#chosen = before;
      throw error;
    }
  }
}

class Failure {
  readonly message: string;
  readonly error: SpiffeError | undefined;

  constructor(index: number, error: unknown) {
    this.error = isSpiffeError(error) ? error : undefined;
    this.message = `source ${index + 1}: ${error instanceof Error ? error.message : kindOf(error)}`;
  }
}

function nothingUsable(failures: readonly Failure[]): SpiffeError {
  const reasons = failures.map(({ message }) => message).join('; ');
  return new SpiffeError('ERR_SOURCE_EMPTY', `none of the ${failures.length} sources is usable: ${reasons}`, {
    cause: new AggregateError(failures.map(({ error, message }) => error ?? new Error(message))),
  });
}

function requireSources(sources: readonly X509Source[]): readonly X509Source[] {
  const given: unknown = sources;
  if (!Array.isArray(given) || given.length === 0) throw badSources('at least one source');
  for (const source of sources) {
    const one: Partial<X509Source> | undefined = source;
    if (typeof one?.onUpdate !== 'function') throw badSources('sources only');
  }
  return Object.freeze([...sources]);
}

function badSources(wanted: string): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `the list of sources given to firstHealthy wants ${wanted}`);
}

async function closeAll(sources: readonly X509Source[]): Promise<void> {
  // All of them are closed even when one fails to.
  const results = await Promise.allSettled(sources.map(async (source) => source.close()));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
