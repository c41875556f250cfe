import { type SuiteDraft } from './render.ts';

/**
 * The list of ids with level and verdict, which may only grow: nothing is released yet, so it is written with the vectors; from the
 * first release on its lines are kept by hand.
 */
export function publishedIdsText(suites: readonly SuiteDraft[]): string {
  const lines = suites
    .flatMap(({ suite, drafts }) =>
      drafts.map(({ id, level, expect }) => {
        const verdict = 'anyOf' in expect ? 'anyOf' : 'ok' in expect ? 'ok' : 'reject';
        return `${JSON.stringify(`${suite}/${id}`)}:${JSON.stringify(`${level} ${verdict}`)}`;
      }),
    )
    .toSorted();
  return `{\n${lines.join(',\n')}\n}\n`;
}
