/** What is read of a results file; the schema is `packages/conformance/schemas/results.v1.schema.json`. */
export interface Results {
  readonly kit: string;
  readonly implementation: { readonly name: string; readonly version: string; readonly runtime?: string };
  readonly summary: Readonly<Record<string, number>>;
  readonly run: Readonly<Record<string, unknown>>;
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

/** The results as they are kept: still a results file, but the same for the same answers, whenever and wherever. */
export function keptResults(results: Results): string {
  const { results: list, run, ...head } = results;
  const { seed, os, selection, remarks } = run;
  const lines = list.map((one) => JSON.stringify(keptResult(one)));
  const text = JSON.stringify({ ...head, run: { seed, os, selection, remarks }, results: [] }, null, 1);
  // One line for each case, so that a change is one line.
  return `${text.slice(0, text.lastIndexOf('[]'))}[\n${lines.join(',\n')}\n ]\n}\n`;
}

function keptResult(one: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { ms: _, evidence: _evidence, expected: _expected, actual, ...rest } = one;
  return actual === undefined ? rest : { ...rest, actual: withoutTrace(actual) };
}

/** A trace names files of this machine. */
function withoutTrace(actual: unknown): unknown {
  const { fault } = actual as { readonly fault?: { readonly message: string } };
  return fault === undefined ? actual : { fault: { message: fault.message } };
}
