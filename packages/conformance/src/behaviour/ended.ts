import { type Result } from '../protocol/outcome.ts';

/** Ends a script with what it came to. */
export class Ended extends Error {
  readonly result: Result;

  constructor(result: Result) {
    super('detail' in result ? result.detail : result.kind);
    this.name = 'Ended';
    this.result = result;
  }
}

/** The implementation did what it must not. */
export function observed(detail: string): Ended {
  return new Ended({ kind: 'observed', detail });
}

/** Ends the script unless it is so. */
export function want(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw observed(otherwise);
}

/** Ends the script unless they are the same. */
export function wantSame(what: string, actual: unknown, wanted: unknown): void {
  const [got, right] = [actual, wanted].map((value) =>
    value === undefined ? 'nothing' : JSON.stringify(value),
  );
  if (got !== right) throw observed(`${what}: want ${short(right ?? '')}, got ${short(got ?? '')}`);
}

function short(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
