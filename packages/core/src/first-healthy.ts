import { type Clock, systemClock, type Timer } from './clock.ts';
import { isSpiffeError, SpiffeError } from './errors.ts';
import { healthTimes } from './health-times.ts';
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
 * One source out of several: it gives what the first of them that is healthy gives, and falls over, and back, as they
 * change. Healthy is an SVID of which a tenth of its lifetime or more is left, so that there is time to go over to the
 * next one; where no source has such a one, the one whose SVID lasts longest counts. Its generations are its own and only ever grow; `svid` and `bundles` are the very objects of
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
  readonly #clock: Clock;
  readonly #subscriptions: Disposable[] = [];
  /** What the cell holds, as the source it came from knows it. */
  #chosen: { readonly source: X509Source; readonly context: X509Context } | undefined;
  /** Runs until little is left of what is chosen, and another one may be better. */
  #ending: Timer | undefined;

  constructor(sources: readonly X509Source[], clock: Clock, source: () => X509Source) {
    this.sources = sources;
    this.#clock = clock;
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
    this.#ending?.clear();
    this.#chosen = undefined;
  }

  /** Makes the first healthy one the current one, else the one that lasts longest. Gives what is wrong with others. */
  #select(): readonly Failure[] {
    const failures: Failure[] = [];
    const ending: Candidate[] = [];
    for (const [index, source] of this.sources.entries()) {
      try {
        const context = source.current;
        if (this.#isEnding(context)) {
          ending.push({ index, source, context });
          failures.push(
            new Failure(index, new Error('less than a tenth of the lifetime of its SVID is left')),
          );
          continue;
        }
        this.#use({ index, source, context });
        return failures;
      } catch (error) {
        failures.push(new Failure(index, error));
      }
    }
    for (const candidate of ending.toSorted(longestFirst)) {
      try {
        this.#use(candidate);
        return failures.filter(({ index }) => index !== candidate.index);
      } catch (error) {
        failures[candidate.index] = new Failure(candidate.index, error);
      }
    }
    this.#chosen = undefined;
    this.cell.withdraw(nothingUsable(failures), 'no source is usable');
    return failures;
  }

  #isEnding({ svid }: X509Context): boolean {
    return this.#clock.now() > healthTimes(svid).criticalAt;
  }

  #use({ index, source, context }: Candidate): void {
    if (this.#chosen?.context === context && this.cell.latest !== undefined) return;
    const { svid, bundles } = context;
    const before = this.#chosen;
    // Set before the listeners are told, because they read `current`.
    this.#chosen = { source, context };
    try {
      this.cell.publish({ svid, bundles }, `source ${index + 1} of ${this.sources.length}`);
    } catch (error) {
      this.#chosen = before;
      throw error;
    }
    this.#awaitEnding(context);
  }

  #awaitEnding({ svid }: X509Context): void {
    this.#ending?.clear();
    this.#ending = undefined;
    const left = healthTimes(svid).criticalAt + 1 - this.#clock.now();
    // The cell has a timer for the very end.
    if (left <= 0 || this.sources.length === 1) return;
    this.#ending = this.#clock.setTimer(() => void this.#select(), left);
    this.#ending.unref();
  }
}

/** A source that has something to use. */
interface Candidate {
  readonly index: number;
  readonly source: X509Source;
  readonly context: X509Context;
}

function longestFirst(one: Candidate, other: Candidate): number {
  return other.context.svid.expiresAt - one.context.svid.expiresAt;
}

class Failure {
  readonly index: number;
  readonly message: string;
  readonly error: SpiffeError | undefined;

  constructor(index: number, error: unknown) {
    this.index = index;
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
