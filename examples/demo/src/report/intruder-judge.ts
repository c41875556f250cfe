import { type IntruderKind, type KindName, KINDS, type SeasonalKind } from '../intruder/kinds.ts';
import { type Attempt } from '../messages.ts';
import { ENDPOINTS, type WorkloadName } from '../topology.ts';

/** What is known of one kind of intruder. */
export interface KindScore {
  attempts: number;
  /** Proven: nothing of it reached a handler, the connection was closed, and svidkit named an expected reason. */
  rejected: number;
  accepted: number;
  /** Attempts that are neither: the proof is missing. */
  unproven: number;
  /** Positive controls that got through. */
  control: number;
  /** How often each reason was given. */
  readonly reasons: Record<string, number>;
  /** Live connections that were ended in time because their peer was not welcome any more; seasonal kinds only. */
  thrownOut?: number;
  /** The longest that this took, in milliseconds from the swap of the file that said so. */
  slowestMs?: number;
}

interface PendingAttempt {
  readonly attempt: Attempt;
  readonly since: number;
}

/** How long reports from other processes may take. */
const PATIENCE_MS = 1_000;
const REJECTIONS_KEPT_MS = 30_000;
/** How long the live connection of somebody who is not welcome any more may last. */
const THROW_OUT_WITHIN_MS = 1_000;

/**
 * Judges attempts by what all sides say: the intruder (was it closed, did anything come back), the service (did the
 * marked request reach a handler), and svidkit in the service (whom it turned away, and why).
 */
export class IntruderJudge {
  readonly scores: Readonly<Record<KindName, KindScore>>;
  readonly #onControlFailed: (attempt: Attempt) => void;
  readonly #onAccepted: (attempt: Attempt) => void;
  readonly #onUnproven: (attempt: Attempt, why: string) => void;
  #pending: PendingAttempt[] = [];
  /** Marks that reached application code, and have not been claimed by an attempt. */
  readonly #reached = new Set<string>();
  /** By service and port of the intruder, or by mark. A port can be in use twice, towards two ports of one service. */
  readonly #rejections = new Map<string, { readonly codes: string[]; at: number }>();

  constructor(on: {
    readonly controlFailed: (attempt: Attempt) => void;
    readonly accepted: (attempt: Attempt) => void;
    readonly unproven: (attempt: Attempt, why: string) => void;
  }) {
    this.#onControlFailed = on.controlFailed;
    this.#onAccepted = on.accepted;
    this.#onUnproven = on.unproven;
    this.scores = Object.fromEntries(
      Object.keys(KINDS).map((kind) => [
        kind,
        { attempts: 0, rejected: 0, accepted: 0, unproven: 0, control: 0, reasons: {} },
      ]),
    ) as Record<KindName, KindScore>;
  }

  attempt(attempt: Attempt): void {
    this.#pending.push({ attempt, since: Date.now() });
  }

  reached(mark: string): void {
    this.#reached.add(mark);
  }

  rejected(service: WorkloadName, port: number | undefined, code: string): void {
    if (port !== undefined) this.#note(`${service}:${port}`, code);
  }

  /** A request on an admitted connection was refused. */
  requestRejected(mark: string, code: string): void {
    this.#note(mark, code);
  }

  /** The live connections of a kind ended so long after the file had changed; undefined: they did not. */
  thrownOut(kind: SeasonalKind, afterMs: number | undefined): void {
    const score = this.scores[kind];
    score.attempts += 1;
    if (afterMs === undefined || afterMs > THROW_OUT_WITHIN_MS) {
      score.accepted += 1;
      return;
    }
    score.rejected += 1;
    score.thrownOut = (score.thrownOut ?? 0) + 1;
    score.slowestMs = Math.max(score.slowestMs ?? 0, afterMs);
  }

  /** Judges what is ripe; at the end, when every process has said all, everything. */
  judge(end = false): void {
    const now = Date.now();
    const waiting: PendingAttempt[] = [];
    for (const entry of this.#pending) {
      if (end || now - entry.since > PATIENCE_MS) this.#decide(entry.attempt);
      else waiting.push(entry);
    }
    this.#pending = waiting;
    for (const [key, { at }] of this.#rejections) {
      if (now - at > REJECTIONS_KEPT_MS) this.#rejections.delete(key);
    }
    if (!end) return;
    // Handled, although whoever sent it never told of it.
    for (const mark of this.#reached) {
      const [sort, kind] = mark.split('/');
      if (sort === 'intruder') this.scores[kind as KindName].accepted += 1;
    }
  }

  #decide(attempt: Attempt): void {
    const score = this.scores[attempt.kind as KindName];
    const { expected, mayConnect }: IntruderKind = KINDS[attempt.kind as KindName];
    // Who may connect is told that it may not ask, and nothing else.
    const gotBytes = attempt.applicationBytes > 0 && !(mayConnect === true && attempt.status === 403);
    const cameThrough = this.#reached.delete(attempt.mark) || gotBytes || attempt.answered;
    if (attempt.control) {
      if (attempt.answered) score.control += 1;
      else this.#onControlFailed(attempt);
      return;
    }
    score.attempts += 1;
    const reason = this.#reasonFor(attempt);
    if (reason !== undefined) score.reasons[reason] = (score.reasons[reason] ?? 0) + 1;
    if (cameThrough) {
      score.accepted += 1;
      this.#onAccepted(attempt);
      return;
    }
    if (attempt.closed && reason !== undefined && expected.includes(reason)) {
      score.rejected += 1;
      return;
    }
    score.unproven += 1;
    const whyNot = attempt.closed
      ? `turned away for ${reason ?? 'no stated reason'}, want ${expected.join(' or ')}`
      : 'was not closed';
    this.#onUnproven(attempt, whyNot);
  }

  #note(key: string, code: string): void {
    const known = this.#rejections.get(key) ?? { codes: [], at: 0 };
    known.codes.push(code);
    known.at = Date.now();
    this.#rejections.set(key, known);
  }

  /** Takes one reason that was given under `key`: an expected one if there is one, and each only once. */
  #take(key: string, expected: readonly string[]): string | undefined {
    const codes = this.#rejections.get(key)?.codes ?? [];
    const at = codes.findIndex((code) => expected.includes(code));
    return codes.splice(at === -1 ? 0 : at, 1)[0];
  }

  #reasonFor({ kind, target, mark, localPort, reason }: Attempt): string | undefined {
    if (target === 'impostor') return reason;
    const { expected, mayConnect }: IntruderKind = KINDS[kind as KindName];
    return this.#take(mayConnect === true ? mark : `${ENDPOINTS[target].service}:${localPort}`, expected);
  }
}
