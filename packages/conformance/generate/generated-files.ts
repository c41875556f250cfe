import { NEWEST_REVISION } from '../src/requirements/requirement-set.ts';
import { caseChangelog, type ListedCase } from './case-changelog.ts';
import { coverageText } from './coverage.ts';
import { type PlayedCase, playedCases } from './played-cases.ts';
import { publishedIdsText } from './published-ids.ts';
import { renderSuites, SINCE, type SuiteDraft, vectorText } from './render.ts';
import { requirementsText } from './requirements.ts';
import { suiteDrafts } from './suites.ts';
import { WITHDRAWN } from './withdrawn.ts';

/** Everything that is generated: the text of each file by its path in the package. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const drafts = suiteDrafts();
  const played = playedCases();
  const files = new Map(renderSuites(drafts).map((file) => [`vectors/${file.suite}.json`, vectorText(file)]));
  files.set('coverage.json', coverageText(drafts, played));
  files.set('published-ids.json', publishedIdsText(drafts, played));
  files.set('CHANGELOG-cases.md', caseChangelog(listedCases(drafts, played), WITHDRAWN));
  files.set(`requirements/${NEWEST_REVISION}.json`, requirementsText(NEWEST_REVISION, drafts, played));
  return files;
}

function listedCases(drafts: readonly SuiteDraft[], played: readonly PlayedCase[]): readonly ListedCase[] {
  const fixed = drafts.flatMap(({ suite, drafts: own }) =>
    own.map(({ id, level, since = SINCE, supersedes }) => ({
      id: `${suite}/${id}`,
      level,
      since,
      supersedes: supersedes === undefined ? undefined : `${suite}/${supersedes}`,
    })),
  );
  return [...fixed, ...played];
}
