import {
  allOf,
  anyOf,
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
  authorizeOneOf,
  authorizePath,
  authorizeWith,
  type AuthorizedSubject,
  type Authorizer,
  checkAuthorized,
  isSpiffeError,
  not,
  SpiffeId,
} from '@svidkit/core';

import { BadParams, isObject, type JsonObject, object, text, texts } from './params.ts';

/** The kinds of rules that svidkit has an authorizer for. */
export const RULES: Readonly<Record<string, (rule: JsonObject) => Authorizer>> = {
  any: () => authorizeAny(),
  id: (rule) => authorizeId(text(rule, 'id')),
  oneOf: (rule) => authorizeOneOf(texts(rule, 'oneOf')),
  memberOf: (rule) => authorizeMemberOf(text(rule, 'memberOf')),
  pathPrefix: (rule) => {
    const { trustDomain, path } = placed(rule, 'pathPrefix');
    return authorizePath(trustDomain, `${path}/**`);
  },
  pathPattern: (rule) => {
    const { trustDomain, path } = placed(rule, 'pathPattern');
    return authorizePath(trustDomain, path);
  },
  allOf: (rule) => allOf(...members(rule, 'allOf')),
  anyOf: (rule) => anyOf(...members(rule, 'anyOf')),
  not: (rule) => not(toAuthorizer(object(rule, 'not'))),
  throws: () =>
    authorizeWith({ trustDomains: 'any', description: 'nobody' }, () => {
      throw new Error('the predicate of the user failed');
    }),
};

/** `id.match` */
export function matchId(params: JsonObject): JsonObject {
  const authorizer = toAuthorizer(object(params, 'rule'));
  // No rule of the protocol looks at the certificate.
  const peer = { id: SpiffeId.parse(text(params, 'id')) } as AuthorizedSubject;
  try {
    checkAuthorized(authorizer, peer);
  } catch (error) {
    if (isSpiffeError(error) && error.code === 'ERR_PEER_UNAUTHORIZED') return { match: false };
    throw error;
  }
  return { match: true };
}

/** The authorizer of a rule. */
export function toAuthorizer(rule: JsonObject): Authorizer {
  const [kind, ...others] = Object.keys(rule);
  const make = kind === undefined ? undefined : RULES[kind];
  if (make === undefined || others.length > 0)
    throw new BadParams(`rule: want one of ${Object.keys(RULES).join(', ')}`);
  return make(rule);
}

function placed(rule: JsonObject, kind: string): { trustDomain: string; path: string } {
  const place = object(rule, kind);
  return { trustDomain: text(place, 'trustDomain'), path: text(place, 'path') };
}

function members(rule: JsonObject, kind: string): readonly Authorizer[] {
  const list = rule[kind];
  if (!Array.isArray(list) || !list.every(isObject)) throw new BadParams(`${kind}: want a list of rules`);
  return list.map((one) => toAuthorizer(one));
}
