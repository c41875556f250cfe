import { type CaseResult, isBad } from '../run/result.ts';
import { type RunReport } from './run-report.ts';

/** JUnit XML with nothing but `failure`, `error` and `skipped`: more than that breaks its readers. */
export function junitXml(report: RunReport): string {
  const { name, version } = report.hello.implementation;
  const suites = [...new Set(report.results.map(({ selected }) => selected.suite))];
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="spiffe-conformance">`];
  for (const suite of suites) {
    const results = report.results.filter(({ selected }) => selected.suite === suite);
    const kinds = results.map((result) => kindOf(result));
    const number = (kind: string): number => kinds.filter((one) => one === kind).length;
    lines.push(
      `  <testsuite name="${xml(suite)}" tests="${results.length}" failures="${number('failure')}" errors="${number('error')}" skipped="${number('skipped')}" timestamp="${xml(report.started)}">`,
      '    <properties>',
      ...Object.entries({
        kit: report.kit,
        seed: report.seed,
        implementation: `${name} ${version}`,
      }).map(([key, value]) => `      <property name="${key}" value="${xml(value)}"/>`),
      '    </properties>',
      ...results.map((result) => testcase(suite, result)),
      '  </testsuite>',
    );
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

function testcase(suite: string, result: CaseResult): string {
  const [, group = '', ...slug] = result.case.split('/');
  const open = `    <testcase classname="${xml(`spiffe.${suite}.${group}`)}" name="${xml(slug.join('/'))}" time="${(result.ms / 1000).toFixed(3)}"`;
  const kind = kindOf(result);
  if (kind === undefined) return `${open}/>`;
  const message = xml(result.reason ?? result.status);
  const type = kind === 'skipped' ? '' : ` type="${result.status}"`;
  const body =
    kind === 'skipped'
      ? ''
      : xml(
          `expected ${JSON.stringify(result.expected)}\nactual ${JSON.stringify(result.actual)}\nspiffe-conformance run --case ${result.case}`,
        );
  return `${open}><${kind} message="${message}"${type}>${body}</${kind}></testcase>`;
}

function kindOf({ status }: CaseResult): 'failure' | 'error' | 'skipped' | undefined {
  if (status === 'pass') return undefined;
  if (status === 'fail' || status === 'unexpected-pass') return 'failure';
  return isBad(status) ? 'error' : 'skipped';
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** XML 1.0 has no way to write most control characters, so they are written as JSON would. */
function xml(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, (character) => {
      if (character === '\n') return '\n';
      return String.raw`\u` + character.charCodeAt(0).toString(16).padStart(4, '0');
    })
    .replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
