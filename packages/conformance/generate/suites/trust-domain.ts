import { choice, type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';

/** Section 2 of the catalogue: rows 43 to 49. */
export function trustDomainDrafts(): readonly Draft[] {
  const parse = (text: string): Pick<Draft, 'op' | 'params'> => ({ op: 'td.parse', params: { text } });
  const accept = (
    row: number,
    id: string,
    text: string,
    name: string,
    title: string,
    extra: Partial<Draft> = {},
  ): Draft => ({
    row,
    id,
    title,
    level: 'must',
    spec: [SPEC.idHostChars],
    ...parse(text),
    expect: ok({ name }),
    ...extra,
  });
  const refuse = (
    row: number,
    id: string,
    text: string,
    title: string,
    codes: readonly string[],
    extra: Partial<Draft> = {},
  ): Draft => ({
    row,
    id: `reject/${id}`,
    title,
    level: 'must',
    spec: [SPEC.idHostChars],
    ...parse(text),
    control: 'accept/name',
    expect: reject(...codes),
    ...extra,
  });
  const ref = { level: 'ref', spec: [SPEC.kit('td.parse')] } as const;
  return [
    accept(43, 'accept/name', 'example.org', 'example.org', 'a name is read'),
    accept(
      44,
      'accept/from-id[path=none]',
      'spiffe://example.org',
      'example.org',
      'an ID stands for its trust domain',
      ref,
    ),
    accept(
      44,
      'accept/from-id[path=some]',
      'spiffe://example.org/a',
      'example.org',
      'an ID with a path stands for its trust domain',
      ref,
    ),
    refuse(45, 'slash[name=last]', 'example.org/', 'a name has no slash', ['id.td.char']),
    refuse(45, 'slash[name=path]', 'example.org/a', 'a name has no path', ['id.td.char']),
    refuse(46, 'empty', '', 'a name is not empty', ['id.td.empty', 'id.empty'], {
      spec: [SPEC.idHostNotEmpty],
    }),
    {
      ...accept(
        46,
        'choice/upper',
        'Example.org',
        'example.org',
        'an upper-case name may be refused, or read as lower case',
      ),
      level: 'choice',
      spec: [SPEC.idHostLower, SPEC.idCase],
      control: 'accept/name',
      expect: choice({ refused: reject('id.td.case', 'id.td.char'), folded: ok({ name: 'example.org' }) }),
    },
    refuse(46, 'port', 'example.org:443', 'a name has no port', ['id.port', 'id.td.char'], {
      spec: [SPEC.idUserinfoPort],
    }),
    refuse(46, 'userinfo', 'u@example.org', 'a name has no user information', ['id.userinfo', 'id.td.char'], {
      spec: [SPEC.idUserinfoPort],
    }),
    refuse(46, 'space', 'example .org', 'a name has no space', ['id.td.char']),
    refuse(46, 'star', '*.example.org', 'a name is no pattern', ['id.td.char']),
    refuse(47, 'half-scheme', 'spiffe:/x', 'half a scheme is not guessed at', ['id.scheme', 'id.td.char'], {
      spec: [SPEC.idForm],
    }),
    refuse(47, 'other-scheme', 'http://x', 'another scheme is not passed over', ['id.scheme', 'id.td.char'], {
      spec: [SPEC.idForm],
    }),
    accept(48, 'accept/255', 'a'.repeat(255), 'a'.repeat(255), 'a name of 255 bytes is supported', {
      spec: [SPEC.tdLength],
    }),
    refuse(48, '256', 'a'.repeat(256), 'a name of 256 bytes is too long', ['id.td.length'], {
      level: 'should',
      spec: [SPEC.tdLength],
      control: 'accept/255',
    }),
    {
      ...accept(
        49,
        'render/id-string',
        'example.org',
        'example.org',
        'a trust domain has an ID of its own',
        ref,
      ),
      expect: ok({ id: 'spiffe://example.org' }),
    },
  ];
}
