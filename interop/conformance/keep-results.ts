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
  const kept = Object.entries(one).filter(([name]) => !BY_CHANCE.has(name));
  return Object.fromEntries(
    kept.flatMap(([name, value]) => (name === 'actual' ? actualOf(value) : [[name, value]])),
  );
}

/** How long it took, what can be looked up in the case, and where it was kept. */
const BY_CHANCE: ReadonlySet<string> = new Set(['ms', 'convergenceMs', 'attempts', 'expected', 'evidence']);

/** What is observed of a case that is played names certificates and ports, a trace names files, and stderr says anything. */
function actualOf(actual: unknown): readonly (readonly [string, unknown])[] {
  const { fault, observed, crash } = actual as {
    readonly fault?: { readonly message: string };
    readonly observed?: string;
    readonly crash?: string;
  };
  if (observed !== undefined) return [];
  if (crash !== undefined) return [['actual', { crash: crash.split(';')[0] }]];
  return [['actual', inOrder(fault === undefined ? actual : { fault: { message: fault.message } })]];
}

/** The members of an object have no order of their own, and some adapters give them one by chance. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => inOrder(one));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, one]) => [name, inOrder(one)]));
}
