import { type RequirementSet } from '../src/requirements/requirement-set.ts';
import { SPEC_COMMIT } from '../src/spec/spec-link.ts';
import { PROFILE_OF } from '../src/vectors/load-suites.ts';
import { type PlayedCase } from './played-cases.ts';
import { type SuiteDraft } from './render.ts';

/**
 * The requirement set of a revision: the cases of level `must`, by profile. Nothing is released yet, so it is written
 * with the vectors; from the first release on it is frozen, and what is new goes into the set of the next revision.
 */
export function requirementsText(
  revision: string,
  suites: readonly SuiteDraft[],
  played: readonly PlayedCase[],
): string {
  const fixed = suites.flatMap(({ suite, drafts }) =>
    drafts.map(({ id, level }) => ({ id: `${suite}/${id}`, level })),
  );
  const profiles = Map.groupBy([...fixed, ...played], ({ id }) => {
    const [suite = ''] = id.split('/');
    return PROFILE_OF[suite] ?? suite;
  });
  const set: RequirementSet = {
    format: 1,
    revision,
    spec: { repo: 'https://github.com/spiffe/spiffe', commit: SPEC_COMMIT },
    profiles: {},
  };
  const lines = Array.from(profiles, ([profile, members]) => {
    // What the standards have as incubating can change, so nobody is held to it.
    if (profile.endsWith('-incubating')) return [];
    const ids = members.filter(({ level }) => level === 'must').map(({ id }) => id);
    const list = ids.toSorted().map((id) => JSON.stringify(id));
    return list.length === 0 ? [] : [`${JSON.stringify(profile)}:[\n${list.join(',\n')}\n]`];
  }).flat();
  return `${JSON.stringify(set).slice(0, -'{}}'.length)}{\n${lines.join(',\n')}\n}}\n`;
}
