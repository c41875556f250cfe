import { type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';
import { type Extra, parse, parts } from './spiffe-id-case.ts';

/** Rows 37 to 39: IDs out of parts. */
export function built(): readonly Draft[] {
  const build = (
    row: number,
    id: string,
    title: string,
    params: Draft['params'],
    expect: Draft['expect'],
    extra: Extra = {},
  ): Draft => ({
    row,
    id: `build/${id}`,
    title,
    level: 'ref',
    spec: [SPEC.kit('id.build')],
    features: ['path' in params ? 'build:path' : 'build:segments'],
    op: 'id.build',
    params: { trustDomain: 'example.org', ...params },
    expect,
    ...extra,
  });
  const bad = { empty: '', dot: '.', 'two-dots': '..', slash: 'a/b', percent: '%41', dollar: '$' };
  return [
    build(
      37,
      'segments[count=0]',
      'no segments give the ID of the trust domain',
      { segments: [] },
      ok({ id: 'spiffe://example.org' }),
    ),
    build(
      37,
      'segments[count=2]',
      'segments are joined with slashes',
      { segments: ['a', 'b'] },
      ok({ id: 'spiffe://example.org/a/b' }),
    ),
    ...Object.entries(bad).map(([name, segment]) =>
      build(
        38,
        `bad-segment[name=${name}]`,
        'a segment is held to the rules of a path',
        { segments: ['a', segment] },
        reject('id.path.empty-segment', 'id.path.dot', 'id.path.char', 'id.percent'),
        {
          level: 'must',
          spec: [SPEC.idPathChars, SPEC.idPathSegments],
          control: 'build/segments[count=2]',
          why: 'a builder that does not check lets callers name other workloads',
        },
      ),
    ),
    build(
      39,
      'path-needs-slash[path=none]',
      'a path begins with a slash',
      { path: 'a' },
      reject('id.path.no-slash'),
      { control: 'build/path-needs-slash[path=empty]' },
    ),
    build(
      39,
      'path-needs-slash[path=root]',
      'a slash alone is no path',
      { path: '/' },
      reject('id.path.trailing-slash', 'id.path.empty-segment'),
      {
        control: 'build/path-needs-slash[path=empty]',
      },
    ),
    build(
      39,
      'path-needs-slash[path=empty]',
      'the empty path gives the ID of the trust domain',
      { path: '' },
      ok({ id: 'spiffe://example.org' }),
    ),
  ];
}

/** Rows 40 to 42: IDs beside each other. */
export function compared(): readonly Draft[] {
  const member = (name: string, id: string, match: boolean, title: string): Draft => ({
    row: 40,
    id: `compare/member-of[td=${name}]`,
    title,
    level: 'must',
    spec: [SPEC.idNoIpRules],
    features: ['rules:memberOf'],
    op: 'id.match',
    params: { rule: { memberOf: 'example.org' }, id },
    ...(match ? {} : { control: 'compare/member-of[td=same]' }),
    expect: ok({ match }),
  });
  const equal = (name: string, a: string, b: string, isEqual: boolean, title: string): Draft => ({
    row: 41,
    id: `compare/equality[path=${name}]`,
    title,
    level: 'must',
    spec: [SPEC.idCase],
    op: 'id.equal',
    params: { a, b },
    ...(isEqual ? {} : { control: 'compare/equality[path=same]' }),
    expect: ok({ equal: isEqual }),
  });
  const renderings = {
    'td-only': 'spiffe://example.org',
    dots: 'spiffe://a..b/...',
    case: 'spiffe://example.org/A/a',
    digits: 'spiffe://0x7f.1/01',
    marks: 'spiffe://a_b-c./x_y-z.',
  };
  return [
    member('same', 'spiffe://example.org/a', true, 'an ID is a member of its trust domain'),
    member(
      'suffix',
      'spiffe://example.org.evil/a',
      false,
      'a name that begins alike is another trust domain',
    ),
    member(
      'prefix-dash',
      'spiffe://evil-example.org/a',
      false,
      'a name that ends alike is another trust domain',
    ),
    member(
      'prefix-letter',
      'spiffe://xexample.org/a',
      false,
      'a name that ends alike is another trust domain',
    ),
    equal('same', 'spiffe://example.org/a', 'spiffe://example.org/a', true, 'the same text is the same ID'),
    equal(
      'case',
      'spiffe://example.org/a',
      'spiffe://example.org/A',
      false,
      'paths in another case are other IDs',
    ),
    ...Object.entries(renderings).map(([name, id]): Draft => ({
      row: 42,
      id: `render/identity[name=${name}]`,
      title: 'what was read is what is written',
      level: 'must',
      spec: [SPEC.idForm],
      ...parse(id),
      expect: parts(id),
    })),
  ];
}
