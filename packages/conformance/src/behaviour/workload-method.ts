import { STATUS, type WorkloadCall } from './workload-call.ts';

/** What is done with a call. */
export type Plan = (call: WorkloadCall) => void;

/** One method of a Workload API of the kit. Until it is told otherwise nobody has an identity. */
export class WorkloadMethod {
  /** Every call that came, in order. */
  readonly calls: WorkloadCall[] = [];
  readonly #waiting = new Map<number, ((call: WorkloadCall) => void)[]>();
  #plan: Plan = (call) => call.refuse(STATUS.permissionDenied, 'no identity issued');
  #plansOnce: Plan[] = [];

  /** A call came. */
  take(call: WorkloadCall): void {
    this.calls.push(call);
    (this.#plansOnce.shift() ?? this.#plan)(call);
    for (const resolve of this.#waiting.get(this.calls.length) ?? []) resolve(call);
  }

  /** What to do with calls from now on. */
  answer(plan: Plan): void {
    this.#plan = plan;
  }

  /** What to do with the next call alone. */
  answerOnce(plan: Plan): void {
    this.#plansOnce.push(plan);
  }

  /** Sends a message on streams that are open, and first on those that come. */
  publish(message: Uint8Array): void {
    this.#plan = (call) => call.send(message);
    for (const call of this.open) call.send(message);
  }

  /** Answers with one message, and ends in good order. */
  reply(make: (call: WorkloadCall) => Uint8Array): void {
    this.#plan = (call) => {
      call.send(make(call));
      call.end();
    };
  }

  /** The calls that are open. */
  get open(): readonly WorkloadCall[] {
    return this.calls.filter(({ isOpen }) => isOpen);
  }

  /** Resolves when there have been so many calls. */
  received(count: number): Promise<WorkloadCall> {
    const known = this.calls[count - 1];
    if (known !== undefined) return Promise.resolve(known);
    const { promise, resolve } = Promise.withResolvers<WorkloadCall>();
    this.#waiting.set(count, [...(this.#waiting.get(count) ?? []), resolve]);
    return promise;
  }
}
