import { type Draft, ok, reject } from '../draft.ts';
import { SPEC } from '../spec-quotes.ts';

/** How a case differs from the usual one. */
export type Extra = Partial<Draft>;

/** A call that reads an ID. */
export function parse(id: string): Pick<Draft, 'op' | 'params'> {
  return { op: 'id.parse', params: { id } };
}

/** The answer to it. */
export function parts(id: string): ReturnType<typeof ok> {
  const [, trustDomain = '', path = ''] = /^spiffe:\/\/([^/]*)(.*)$/s.exec(id) ?? [];
  return ok({ id, trustDomain, path, segments: path === '' ? [] : path.slice(1).split('/') });
}

/** A case that wants an ID to be read. */
export function accept(row: number, slug: string, id: string, title: string, extra: Extra = {}): Draft {
  return {
    row,
    id: `accept/${slug}`,
    title,
    level: 'must',
    spec: [SPEC.idForm],
    ...parse(id),
    expect: parts(id),
    ...extra,
  };
}

/** A case that wants one to be refused. */
export function refuse(
  row: number,
  slug: string,
  id: string,
  title: string,
  codes: readonly string[],
  extra: Extra = {},
): Draft {
  return {
    row,
    id: `reject/${slug}`,
    title,
    level: 'must',
    spec: [SPEC.idForm],
    ...parse(id),
    control: 'accept/td-and-path',
    expect: reject(...codes),
    ...extra,
  };
}
