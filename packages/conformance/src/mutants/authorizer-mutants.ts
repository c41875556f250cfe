import { isObject, type Json, type JsonObject, member, textMember } from '../json.ts';
import { type Mutant } from './mutant.ts';

/** Mutants that let in whom they should not, or keep out whom they should let in. */
export const AUTHORIZER_MUTANTS: readonly Mutant[] = [
  decides('match-td-prefix', 'takes a trust domain that begins alike for the same', 'memberOf', (rule, id) =>
    tdOf(id).startsWith(textOf(rule)),
  ),
  decides('match-td-suffix', 'takes a trust domain that ends alike for the same', 'memberOf', (rule, id) =>
    tdOf(id).endsWith(textOf(rule)),
  ),
  decides('match-td-never', 'lets in no member', 'memberOf', () => false),
  decides('match-path-only', 'compares paths alone', 'id', (rule, id) => pathOf(textOf(rule)) === pathOf(id)),
  decides(
    'match-td-only',
    'compares trust domains alone',
    'id',
    (rule, id) => tdOf(textOf(rule)) === tdOf(id),
  ),
  decides(
    'match-ignore-case',
    'compares without regard to case',
    'id',
    (rule, id) => textOf(rule).toLowerCase() === id.toLowerCase(),
  ),
  decides(
    'match-first-of-list',
    'looks at the first of several IDs alone',
    'oneOf',
    (rule, id) => Array.isArray(rule) && rule[0] === id,
  ),
  decides('match-list-any', 'lets in everyone where there is a list', 'oneOf', () => true),
  decides('match-text-prefix', 'compares prefixes as text', 'pathPrefix', (rule, id) =>
    placedAt(rule, id, true),
  ),
  decides(
    'match-prefix-any-td',
    'compares prefixes in every trust domain',
    'pathPrefix',
    (rule, id) => placedAt(rule, id, false) && !pathOf(id).startsWith('/ns/production'),
  ),
  decides('match-prefix-never', 'lets in nobody below a prefix', 'pathPrefix', () => false),
  decides('match-star-many', 'lets a star stand for several segments', 'pathPattern', (rule, id) =>
    expression(rule, '.*', true).test(pathOf(id)),
  ),
  decides('match-pattern-open', 'lets a pattern fit the beginning of a path', 'pathPattern', (rule, id) =>
    expression(rule, '[^/]*', false).test(pathOf(id)),
  ),
  decides('match-regex', 'reads patterns as regular expressions', 'pathPattern', (rule, id) =>
    new RegExp(`^${patternOf(rule).replaceAll('*', '[^/]*')}$`).test(pathOf(id)),
  ),
  decides('match-pattern-never', 'lets in nobody by pattern', 'pathPattern', () => false),
  decides('match-any-nobody', 'lets in nobody', 'any', () => false),
  decides('match-throw-allows', 'lets in whom a failing predicate was asked about', 'throws', () => true),
  decides('match-and-is-or', 'lets in whom one of all rules lets in', 'allOf', () => true),
  decides('match-and-never', 'lets in nobody by several rules', 'allOf', () => false),
  decides('match-or-is-first', 'asks the first of several rules alone', 'anyOf', () => false),
  decides('match-or-always', 'lets in everyone by several rules', 'anyOf', () => true),
  decides('match-not-allows', 'lets in everyone by an opposite', 'not', () => true),
  decides('match-not-denies', 'lets in nobody by an opposite', 'not', () => false),
];

/** A mutant with a mind of its own about one kind of rule. */
function decides(
  name: string,
  lie: string,
  kind: string,
  allows: (rule: Json, id: string) => boolean,
): Mutant {
  return {
    name,
    lie,
    answer: async ({ op, params }, honest) => {
      const rule = op === 'id.match' ? ruleOf(params, kind) : undefined;
      if (rule === undefined) return honest();
      return { kind: 'ok', value: { match: allows(rule, textMember(params, 'id')) } };
    },
  };
}

function ruleOf(params: JsonObject, kind: string): Json | undefined {
  const rule = member(params, 'rule');
  return isObject(rule) ? member(rule, kind) : undefined;
}

function textOf(rule: Json): string {
  return typeof rule === 'string' ? rule : '';
}

function tdOf(id: string): string {
  return /^spiffe:\/\/([^/]*)/.exec(id)?.[1] ?? '';
}

function pathOf(id: string): string {
  return id.slice(`spiffe://${tdOf(id)}`.length);
}

function placedAt(rule: Json, id: string, isSameTd: boolean): boolean {
  if (!isObject(rule)) return false;
  return (!isSameTd || rule['trustDomain'] === tdOf(id)) && pathOf(id).startsWith(textMember(rule, 'path'));
}

function patternOf(rule: Json): string {
  return isObject(rule) ? textMember(rule, 'path') : '';
}

function expression(rule: Json, star: string, isWhole: boolean): RegExp {
  const source = patternOf(rule)
    .replaceAll('.', String.raw`\.`)
    .replaceAll('*', star);
  return new RegExp(`^${source}${isWhole ? '$' : ''}`);
}
