import { type PlayedCase } from './played-cases.ts';
import { type SuiteDraft } from './render.ts';

/**
 * The list of ids with level and verdict, which may only grow: nothing is released yet, so it is written with the vectors; from the
 * first release on its lines are kept by hand.
 */
export function publishedIdsText(suites: readonly SuiteDraft[], played: readonly PlayedCase[]): string {
  const fixed = suites.flatMap(({ suite, drafts }) =>
    drafts.map(({ id, level, expect }) => ({ id: `${suite}/${id}`, level, expect })),
  );
  const lines = [...fixed, ...played]
    .map(({ id, level, expect }) => {
      const verdict = 'anyOf' in expect ? 'anyOf' : 'ok' in expect ? 'ok' : 'reject';
      return `${JSON.stringify(id)}:${JSON.stringify(`${level} ${verdict}`)}`;
    })
    .toSorted();
  return `{\n${lines.join(',\n')}\n}\n`;
}
