import { choice, type Draft, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';
import { built, compared } from './spiffe-id-build.ts';
import { accept, parse, parts, refuse } from './spiffe-id-case.ts';
import { rejected } from './spiffe-id-reject.ts';

const TD_CODES = [
  'id.td.char',
  'id.td.case',
  'id.userinfo',
  'id.port',
  'id.query',
  'id.fragment',
  'id.percent',
];
const PATH_CODES = ['id.path.char', 'id.query', 'id.fragment', 'id.percent'];

/** Section 1 of the catalogue: rows 1 to 42. */
export function spiffeIdDrafts(): readonly Draft[] {
  return [...accepted(), ...sweeps(), ...lengths(), ...rejected(), ...built(), ...compared()];
}

function accepted(): readonly Draft[] {
  const noIpRules = { spec: [SPEC.idNoIpRules] };
  const punctuation = {
    dash: '-',
    underscore: '_',
    dot: '.',
    'two-dots': '..',
    'dots-inside': 'a..b',
    'dot-last': 'example.',
  };
  const dots = {
    'dot-first': '/.a',
    'two-dots-first': '/..a',
    'two-dots-last': '/a..',
    'three-dots': '/...',
  };
  return [
    accept(1, 'td-and-path', 'spiffe://example.org/a/b', 'trust domain and path come back in parts'),
    accept(2, 'td-only', 'spiffe://example.org', 'an ID without a path has the empty path'),
    accept(3, 'one-char', 'spiffe://a/b', 'one character is a trust domain', { spec: [SPEC.idHostNotEmpty] }),
    accept(6, 'td-ipv4', 'spiffe://127.0.0.1/x', 'a trust domain may look like an IPv4 address', {
      spec: [SPEC.idNoIpv6],
    }),
    ...Object.entries(punctuation).map(([name, td]) =>
      accept(
        7,
        `td-punctuation-only[name=${name}]`,
        `spiffe://${td}/x`,
        `the trust domain ${td} is legal: names are no DNS names`,
        noIpRules,
      ),
    ),
    ...Object.entries({ hex: '0x7f', one: '1' }).map(([name, td]) =>
      accept(8, `td-numeric[name=${name}]`, `spiffe://${td}/x`, `the trust domain ${td} stays as it is`, {
        ...noIpRules,
        why: 'URL parsers turn it into an IP address, so that two names become one',
      }),
    ),
    ...Object.entries(dots).map(([name, path]) =>
      accept(
        9,
        `segment-dots[name=${name}]`,
        `spiffe://example.org${path}`,
        `the path ${path} has no relative segment`,
        {
          spec: [SPEC.idPathSegments],
        },
      ),
    ),
    accept(
      10,
      'path-case-kept[case=upper]',
      'spiffe://example.org/Sa/Default',
      'the case of a path is kept',
      { spec: [SPEC.idCase] },
    ),
    accept(
      10,
      'path-case-kept[case=lower]',
      'spiffe://example.org/sa/default',
      'the case of a path is kept',
      { spec: [SPEC.idCase] },
    ),
  ];
}

/** Each byte at the end of a trust domain, and at the end of a segment. */
function sweeps(): readonly Draft[] {
  return Array.from({ length: 256 }, (_, byte) => byte).flatMap((byte) => {
    const hex = byte.toString(16).padStart(2, '0');
    const isTd = /[a-z0-9._-]/.test(String.fromCharCode(byte));
    const isUpper = /[A-Z]/.test(String.fromCharCode(byte));
    const isSegment = isTd || isUpper;
    const td = sweep(4, 'td-byte-sweep', 'spiffe://example.org', byte, isTd, {
      title: `byte ${hex} ${isTd ? 'may' : 'may not'} be in a trust domain`,
      spec: [SPEC.idHostChars],
      expect: reject(...TD_CODES, 'id.path.trailing-slash', 'id.path.empty-segment'),
      control: 'accept/td-byte-sweep[byte=61]',
    });
    return [
      isUpper ? foldable(td, `spiffe://example.org${String.fromCharCode(byte).toLowerCase()}`) : td,
      sweep(5, 'path-byte-sweep', 'spiffe://example.org/a', byte, isSegment, {
        title: `byte ${hex} ${isSegment ? 'may' : 'may not'} be in a path segment`,
        spec: [SPEC.idPathChars],
        expect: reject(...PATH_CODES, 'id.path.trailing-slash', 'id.path.empty-segment'),
        control: 'accept/path-byte-sweep[byte=61]',
      }),
    ];
  });
}

/** Of upper case the standard says two things: it must not be, and it makes no difference. */
function foldable(refused: Draft, folded: string): Draft {
  return {
    ...refused,
    id: refused.id.replace('reject/', 'choice/'),
    title: refused.title.replace('may not be', 'is refused, or read as lower case,'),
    level: 'choice',
    spec: [SPEC.idHostLower, SPEC.idCase],
    expect: choice({ refused: reject('id.td.case', 'id.td.char'), folded: parts(folded) }),
  };
}

function sweep(
  row: number,
  slug: string,
  before: string,
  byte: number,
  isLegal: boolean,
  extra: Pick<Draft, 'title' | 'spec' | 'expect' | 'control'>,
): Draft {
  const id = before + String.fromCharCode(byte);
  const name = `${slug}[byte=${byte.toString(16).padStart(2, '0')}]`;
  const params = byte < 0x80 ? { id } : { idB64: Buffer.from(id, 'latin1').toString('base64') };
  return {
    row,
    id: `${isLegal ? 'accept' : 'reject'}/${name}`,
    title: extra.title,
    level: 'must',
    spec: extra.spec,
    op: 'id.parse',
    params,
    ...(isLegal ? { expect: parts(id) } : { control: extra.control, expect: extra.expect }),
  };
}

function lengths(): readonly Draft[] {
  const ofLength = (length: number): string =>
    `spiffe://example.org/${'a'.repeat(length - 'spiffe://example.org/'.length)}`;
  const td = (length: number): string => `spiffe://${'a'.repeat(length)}/x`;
  return [
    accept(11, 'len-2048', ofLength(2048), 'an ID of 2048 bytes is supported', { spec: [SPEC.idLength] }),
    {
      row: 12,
      id: 'choice/len-2049',
      title: 'an ID of 2049 bytes may be refused',
      level: 'choice',
      spec: [SPEC.idLength],
      ...parse(ofLength(2049)),
      control: 'accept/len-2048',
      expect: choice({ refused: reject('id.length'), accepted: parts(ofLength(2049)) }),
    },
    accept(13, 'td-255', td(255), 'a trust domain of 255 bytes is supported', { spec: [SPEC.tdLength] }),
    refuse(14, 'td-256', td(256), 'a trust domain of 256 bytes is too long', ['id.td.length'], {
      // The sentence has no MUST, and the RFC that it rests on has a "should".
      level: 'should',
      spec: [SPEC.tdLength],
      control: 'accept/td-255',
    }),
  ];
}
