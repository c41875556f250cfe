import { NEWEST_REVISION } from '../src/requirements/requirement-set.ts';
import { coverageText } from './coverage.ts';
import { playedCases } from './played-cases.ts';
import { publishedIdsText } from './published-ids.ts';
import { renderSuites, vectorText } from './render.ts';
import { requirementsText } from './requirements.ts';
import { suiteDrafts } from './suites.ts';

/** Everything that is generated: the text of each file by its path in the package. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const drafts = suiteDrafts();
  const played = playedCases();
  const files = new Map(renderSuites(drafts).map((file) => [`vectors/${file.suite}.json`, vectorText(file)]));
  files.set('coverage.json', coverageText(drafts, played));
  files.set('published-ids.json', publishedIdsText(drafts, played));
  files.set(`requirements/${NEWEST_REVISION}.json`, requirementsText(NEWEST_REVISION, drafts, played));
  return files;
}
