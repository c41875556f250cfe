import { type JsonObject } from '../../src/json.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';

const A = 'spiffe://example.org/a';
const B = 'spiffe://example.org/b';

/** Section 8 of the catalogue: rows 231 to 242. */
export function authorizerDrafts(): readonly Draft[] {
  return [...exact(), ...trustDomains(), ...patterns(), ...combined(), ...broken()];
}

function rule(row: number, id: string, title: string, kind: string, wanted: JsonObject, peer: string): Draft {
  return {
    row,
    id,
    title,
    level: 'ref',
    spec: [SPEC.kit('id.match')],
    features: [`rules:${kind}`],
    op: 'id.match',
    params: { rule: wanted, id: peer },
    expect: ok({ match: true }),
  };
}

/** The twin of an accepted case that has to be denied. */
function denied(
  twin: Draft,
  id: string,
  title: string,
  change: { readonly rule?: JsonObject; readonly id?: string },
): Draft {
  return {
    ...twin,
    id,
    title,
    params: { ...twin.params, ...change },
    control: twin.id,
    expect: ok({ match: false }),
  };
}

function exact(): readonly Draft[] {
  const id = rule(232, 'id/exact', 'the very ID is let in', 'id', { id: A }, A);
  const caseMatters = { spec: [SPEC.idCase] };
  const oneOf = rule(233, 'one-of/hit', 'one of the IDs is let in', 'oneOf', { oneOf: [B, A] }, A);
  return [
    rule(231, 'any/all', 'any verified peer is let in', 'any', { any: true }, 'spiffe://else.example/x'),
    id,
    denied(id, 'id/other-path', 'another path is another workload', { id: B }),
    denied(id, 'id/other-td', 'the same path in another trust domain is another workload', {
      id: 'spiffe://example.com/a',
    }),
    {
      ...denied(id, 'id/path-case', 'a path in another case is another workload', {
        id: 'spiffe://example.org/A',
      }),
      ...caseMatters,
    },
    oneOf,
    denied(oneOf, 'one-of/miss', 'none of the IDs is denied', { id: 'spiffe://example.org/c' }),
    {
      ...denied(oneOf, 'one-of/empty-list', 'an empty list lets in nobody, or is refused', {
        rule: { oneOf: [] },
      }),
      level: 'choice',
      why: 'an empty list often comes from configuration that went missing, and must never mean everyone',
      expect: choice({ refused: reject('authz.rule'), denies: ok({ match: false }) }),
    },
  ];
}

function trustDomains(): readonly Draft[] {
  const member: Draft = {
    ...rule(
      234,
      'member-of/td',
      'a member of the trust domain is let in',
      'memberOf',
      { memberOf: 'example.org' },
      A,
    ),
    level: 'must',
    spec: [SPEC.idNoIpRules],
  };
  return [
    member,
    denied(member, 'member-of/sub-td-not-member', 'a name below it is another trust domain', {
      id: 'spiffe://x.example.org/a',
    }),
  ];
}

function patterns(): readonly Draft[] {
  const prefix = { pathPrefix: { trustDomain: 'example.org', path: '/ns/prod' } };
  const inside = rule(
    235,
    'prefix/segment-boundary[path=below]',
    'a path below the prefix is let in',
    'pathPrefix',
    prefix,
    'spiffe://example.org/ns/prod/a',
  );
  const star = (path: string): JsonObject => ({ pathPattern: { trustDomain: 'example.org', path } });
  const one = rule(
    237,
    'pattern/star-one-segment[path=one]',
    'a star stands for one segment',
    'pathPattern',
    star('/ns/*/sa/api'),
    'spiffe://example.org/ns/a/sa/api',
  );
  const literal = rule(
    237,
    'pattern/no-regex-injection[path=same]',
    'a dot stands for itself',
    'pathPattern',
    star('/a.b/*'),
    'spiffe://example.org/a.b/c',
  );
  return [
    inside,
    denied(inside, 'prefix/segment-boundary[path=longer]', 'a segment that begins alike is another segment', {
      id: 'spiffe://example.org/ns/production/a',
    }),
    {
      ...denied(inside, 'prefix/td-must-match', 'a prefix is of one trust domain', {
        id: 'spiffe://example.com/ns/prod/a',
      }),
      row: 236,
    },
    one,
    denied(one, 'pattern/star-one-segment[path=two]', 'a star does not stand for two segments', {
      id: 'spiffe://example.org/ns/a/b/sa/api',
    }),
    denied(one, 'pattern/star-one-segment[path=longer]', 'a pattern fits whole paths', {
      id: 'spiffe://example.org/ns/a/sa/api/x',
    }),
    literal,
    denied(literal, 'pattern/no-regex-injection[path=other]', 'a dot stands for nothing else', {
      id: 'spiffe://example.org/axb/c',
    }),
  ];
}

function combined(): readonly Draft[] {
  const memberOf = { memberOf: 'example.org' };
  const all = rule(
    238,
    'combine/and-or-not[op=and,peer=both]',
    'both rules let it in',
    'allOf',
    { allOf: [memberOf, { id: A }] },
    A,
  );
  const some = rule(
    238,
    'combine/and-or-not[op=or,peer=second]',
    'one of the rules lets it in',
    'anyOf',
    { anyOf: [{ id: B }, { id: A }] },
    A,
  );
  const none = rule(
    238,
    'combine/and-or-not[op=not,peer=other]',
    'what a rule denies is let in by its opposite',
    'not',
    { not: { id: B } },
    A,
  );
  return [
    all,
    denied(all, 'combine/and-or-not[op=and,peer=one]', 'one of two rules is not enough', { id: B }),
    some,
    denied(some, 'combine/and-or-not[op=or,peer=none]', 'none of the rules lets it in', {
      id: 'spiffe://example.org/c',
    }),
    none,
    denied(none, 'combine/and-or-not[op=not,peer=same]', 'what a rule lets in is denied by its opposite', {
      id: B,
    }),
  ];
}

function broken(): readonly Draft[] {
  const any = rule(239, 'any/all', '', 'throws', { any: true }, 'spiffe://else.example/x');
  return [
    {
      ...denied(any, 'throwing/callback-error-denies', 'a predicate that throws denies', {
        rule: { throws: true },
      }),
      why: 'an exception in the code of a user must not let anyone in, nor end the process',
    },
    {
      ...rule(
        241,
        'config/invalid-id-refused-early',
        'a rule with an ID that is none is refused',
        'id',
        { id: 'spiffe://example.org//a' },
        A,
      ),
      control: 'id/exact',
      expect: reject('authz.rule', 'id.path.empty-segment'),
    },
  ];
}
