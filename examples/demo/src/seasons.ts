import { KINDS, type SeasonalKind } from './intruder/kinds.ts';
import { type FromChild, type Pem, type Season, type ToChild } from './messages.ts';
import { type Scoreboard } from './report/scoreboard.ts';
import { type EndpointName } from './topology.ts';
import { type Waiting } from './waiting.ts';

/** How long to wait for an unwelcome connection to end. The judge is less patient. */
const THROW_OUT_PATIENCE_MS = 3_000;

/** The identities of the intruder that are let in at some times and not at others, and the changes between. */
export class Seasons {
  readonly #board: Scoreboard;
  readonly #waiting: Waiting;
  readonly #send: (message: ToChild) => void;
  readonly #begun = new Map<SeasonalKind, Season>();
  /** When the intruder lost its last connection, by target. */
  readonly #thrownOut = new Map<SeasonalKind, Map<EndpointName, number>>();

  constructor(board: Scoreboard, waiting: Waiting, send: (message: ToChild) => void) {
    this.#board = board;
    this.#waiting = waiting;
    this.#send = send;
  }

  /** Takes in what the intruder said. */
  hear(message: FromChild): void {
    if (message.type === 'season-begun') this.#begun.set(message.kind, message.season);
    if (message.type === 'thrown-out') this.#thrownOut.get(message.kind)?.set(message.target, message.at);
  }

  /** Nobody knows whether it is let in: resolves when no attempt of it is in flight. */
  async hold(kind: SeasonalKind, signal: AbortSignal): Promise<void> {
    if (this.#begun.get(kind) !== undefined) await this.#begin({ kind, season: 'undecided' }, signal);
  }

  /** It is let in: resolves when it is in, and stays. What it does now is its control. */
  async letIn(kind: SeasonalKind, identity: Pem, signal: AbortSignal): Promise<void> {
    this.#thrownOut.set(kind, new Map());
    await this.#begin({ kind, season: 'let-in', identity }, signal);
  }

  /**
   * It is not let in any more: resolves when it has lost all that it had, which the judge is told of.
   *
   * @param since - when the file that says so was swapped in, by target.
   */
  async turnAway(
    kind: SeasonalKind,
    since: (target: EndpointName) => number,
    signal: AbortSignal,
  ): Promise<void> {
    const { targets } = KINDS[kind];
    const lost = this.#thrownOut.get(kind) ?? new Map<EndpointName, number>();
    const everywhere = (): boolean => targets.every((target) => lost.has(target));
    await this.#waiting
      .until('unwelcome connections to end', everywhere, signal, THROW_OUT_PATIENCE_MS)
      .catch((error: unknown) => {
        if (signal.aborted) throw error;
      });
    for (const target of targets) {
      const at = lost.get(target);
      const afterMs = at === undefined ? undefined : Math.max(at - since(target), 0);
      this.#board.thrownOut(kind, target, afterMs);
    }
    await this.#begin({ kind, season: 'turned-away' }, signal);
  }

  async #begin(change: Omit<ToChild & { type: 'season' }, 'type'>, signal: AbortSignal): Promise<void> {
    const { kind, season } = change;
    this.#begun.delete(kind);
    this.#send({ type: 'season', ...change });
    await this.#waiting.until(
      `the intruder to know that its ${kind} is ${season}`,
      () => this.#begun.get(kind) === season,
      signal,
    );
  }
}
