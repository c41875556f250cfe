import { choice, type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';
import { type Extra, parse, parts, refuse } from './spiffe-id-case.ts';

/** What is no SPIFFE ID. */
export function rejected(): readonly Draft[] {
  return [...structure(), ...authority(), ...paths(), ...characters()];
}

function axis(
  row: number,
  slug: string,
  ids: Readonly<Record<string, string>>,
  title: string,
  codes: readonly string[],
  extra: Extra = {},
): readonly Draft[] {
  return Object.entries(ids).map(([name, id]) =>
    refuse(row, `${slug}[name=${name}]`, id, title, codes, extra),
  );
}

function structure(): readonly Draft[] {
  const scheme = ['id.scheme'];
  return [
    refuse(15, 'empty', '', 'no text is no ID', ['id.empty']),
    ...axis(
      16,
      'no-scheme',
      { bare: 'example.org/a', slashes: '//example.org/a' },
      'an ID has a scheme',
      scheme,
    ),
    ...axis(
      17,
      'other-scheme',
      {
        https: 'https://example.org/a',
        longer: 'spiffes://example.org/a',
        prefixed: 'xspiffe://example.org/a',
        space: ' spiffe://example.org/a',
      },
      'the scheme is spiffe and nothing else',
      scheme,
    ),
    {
      row: 18,
      id: 'choice/scheme-upper',
      title: 'an upper-case scheme may be refused, or read as lower case',
      level: 'choice',
      spec: [SPEC.idForm, SPEC.idCase],
      ...parse('SPIFFE://example.org/a'),
      control: 'accept/td-and-path',
      expect: choice({ refused: reject('id.scheme'), folded: ok({ id: 'spiffe://example.org/a' }) }),
    },
    ...axis(
      20,
      'bad-slashes',
      { one: 'spiffe:/t/a', none: 'spiffe:t/a', three: 'spiffe:///a', four: 'spiffe:////a' },
      'exactly two slashes stand before the trust domain',
      ['id.scheme', 'id.td.empty'],
    ),
    ...axis(
      23,
      'query',
      { value: 'spiffe://example.org/a?x=1', bare: 'spiffe://example.org/a?' },
      'an ID has no query, not even an empty one',
      ['id.query', 'id.path.char'],
    ),
    ...axis(
      24,
      'fragment',
      { value: 'spiffe://example.org/a#f', bare: 'spiffe://example.org/a#' },
      'an ID has no fragment, not even an empty one',
      ['id.fragment', 'id.path.char'],
    ),
  ];
}

function authority(): readonly Draft[] {
  return [
    {
      row: 19,
      id: 'choice/td-upper',
      title: 'an upper-case trust domain may be refused, or read as lower case',
      level: 'choice',
      why: 'what must not happen is that it becomes a trust domain of its own',
      spec: [SPEC.idHostLower, SPEC.idCase],
      ...parse('spiffe://Example.org/a'),
      control: 'accept/td-and-path',
      expect: choice({
        refused: reject('id.td.case', 'id.td.char'),
        folded: parts('spiffe://example.org/a'),
      }),
    },
    ...axis(
      21,
      'userinfo',
      {
        user: 'spiffe://u@example.org/a',
        password: 'spiffe://u:p@example.org/a',
        empty: 'spiffe://@example.org/a',
      },
      'an ID has no user information, not even empty',
      ['id.userinfo', 'id.td.char', 'id.port'],
      { spec: [SPEC.idUserinfoPort], why: 'URL parsers drop an empty one, so that two texts become one ID' },
    ),
    ...axis(
      22,
      'port',
      { number: 'spiffe://example.org:443/a', empty: 'spiffe://example.org:/a' },
      'an ID has no port, not even an empty one',
      ['id.port', 'id.td.char'],
      { spec: [SPEC.idUserinfoPort], why: 'URL parsers drop an empty one, so that two texts become one ID' },
    ),
    ...axis(
      25,
      'percent-td',
      { letter: 'spiffe://%61.org/a' },
      'a trust domain is not percent-encoded',
      ['id.percent', 'id.td.char'],
      {
        spec: [SPEC.idHostPercent],
      },
    ),
    ...axis(
      25,
      'percent-path',
      {
        letter: 'spiffe://example.org/%41',
        slash: 'spiffe://example.org/a%2Fb',
        dots: 'spiffe://example.org/%2e%2e/a',
        lone: 'spiffe://example.org/a%',
      },
      'a path is not percent-encoded',
      ['id.percent', 'id.path.char'],
      { spec: [SPEC.idPathPercent] },
    ),
    refuse(31, 'ipv6', 'spiffe://[::1]/a', 'an IPv6 address is no trust domain', ['id.td.char', 'id.port'], {
      spec: [SPEC.idNoIpv6],
      control: 'accept/td-ipv4',
    }),
    refuse(
      33,
      'idn-not-converted',
      'spiffe://b\u00fccher.example/a',
      'a trust domain is not converted to punycode',
      ['id.td.char'],
      {
        spec: [SPEC.idHostChars],
      },
    ),
  ];
}

function paths(): readonly Draft[] {
  return [
    ...axis(
      26,
      'empty-segment',
      { first: 'spiffe://example.org//a', inside: 'spiffe://example.org/a//b' },
      'a segment is not empty',
      ['id.path.empty-segment'],
      {
        spec: [SPEC.idPathSegments],
      },
    ),
    ...axis(
      27,
      'trailing-slash',
      { root: 'spiffe://example.org/', path: 'spiffe://example.org/a/' },
      'a path does not end with a slash',
      ['id.path.trailing-slash', 'id.path.empty-segment'],
      {
        spec: [SPEC.idPathTrailing],
      },
    ),
    ...axis(
      28,
      'dot-segment',
      {
        dot: 'spiffe://example.org/.',
        'two-dots': 'spiffe://example.org/..',
        'dot-inside': 'spiffe://example.org/a/./b',
        'two-dots-inside': 'spiffe://example.org/a/../b',
        'two-dots-last': 'spiffe://example.org/a/..',
      },
      'relative segments are refused and never resolved',
      ['id.path.dot'],
      {
        spec: [SPEC.idPathSegments],
        why: 'a resolved segment turns the ID of one workload into that of another',
      },
    ),
  ];
}

function characters(): readonly Draft[] {
  const path = { spec: [SPEC.idPathChars] };
  const nonAscii = {
    umlaut: '\u00fc',
    emoji: '\u{1f512}',
    fullwidth: '\uff41',
    kelvin: '\u212a',
    'soft-hyphen': '\u00ad',
    combining: 'a\u0301',
  };
  return [
    ...axis(
      29,
      'whitespace',
      {
        leading: ' spiffe://example.org/a',
        trailing: 'spiffe://example.org/a ',
        inside: 'spiffe://example.org/a b',
        tab: 'spiffe://example.org/a\tb',
        cr: 'spiffe://example.org/a\r',
        lf: 'spiffe://example.org/a\n',
      },
      'white space is never stripped',
      ['id.path.char', 'id.scheme'],
      { ...path, why: 'URL parsers strip it, so that two texts become one ID' },
    ),
    ...axis(
      30,
      'nul',
      { td: 'spiffe://example\0.org/a', path: 'spiffe://example.org/a\0b', end: 'spiffe://example.org/a\0' },
      'a NUL ends nothing and is refused',
      ['id.td.char', 'id.path.char'],
      path,
    ),
    ...Object.entries(nonAscii).flatMap(([name, text]) => [
      refuse(
        32,
        `non-ascii[in=td,name=${name}]`,
        `spiffe://ex${text}mple.org/a`,
        'a trust domain is ASCII',
        ['id.td.char'],
        {
          spec: [SPEC.idHostChars],
        },
      ),
      refuse(
        32,
        `non-ascii[in=path,name=${name}]`,
        `spiffe://example.org/${text}`,
        'a path is ASCII',
        ['id.path.char'],
        path,
      ),
    ]),
    ...axis(
      34,
      'backslash',
      { path: String.raw`spiffe://example.org\a`, scheme: String.raw`spiffe:\\example.org\a` },
      'a backslash is no slash',
      ['id.td.char', 'id.scheme', 'id.path.char'],
      {
        ...path,
        why: 'URL parsers read it as a slash',
      },
    ),
    ...badUtf8(),
    ...Array.from("!$&'()*+,;=~:@", (character) =>
      refuse(
        36,
        `subdelims[byte=${character.charCodeAt(0).toString(16)}]`,
        `spiffe://example.org/a${character}b`,
        `${character} may not be in a segment`,
        ['id.path.char'],
        {
          ...path,
          control: 'accept/path-byte-sweep[byte=61]',
        },
      ),
    ),
  ];
}

function badUtf8(): readonly Draft[] {
  const sequences = { overlong: [0xc0, 0xaf], lone: [0xff], truncated: [0xe2, 0x82] };
  return Object.entries(sequences).map(([name, bytes]) => ({
    ...refuse(35, `bad-utf8[name=${name}]`, '', 'bytes that are not UTF-8 are refused', ['id.path.char'], {
      spec: [SPEC.idPathChars],
    }),
    params: {
      idB64: Buffer.concat([Buffer.from('spiffe://example.org/a'), Buffer.from(bytes)]).toString('base64'),
    },
  }));
}
