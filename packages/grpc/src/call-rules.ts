import { anyOf, type AuthorizedSubject, type Authorizer, checkAuthorized, SpiffeError } from '@svidkit/core';

/** Who may call which method, by its path as gRPC writes it: `/package.Service/Method`. */
export type CallRules =
  | Readonly<Record<string, Authorizer>>
  | ReadonlyMap<string, Authorizer>
  | ((method: string) => Authorizer | undefined);

/** The rule for a method; undefined: there is none. */
export type RuleOf = (method: string) => Authorizer | undefined;

/**
 * Checks rules for methods.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when a rule is not for a method path, `ERR_CONFIG_AUTHORIZER`.
 */
export function parseRules(rules: CallRules): RuleOf {
  if (typeof rules === 'function') {
    return (method) => {
      const rule = rules(method);
      if (rule !== undefined) anyOf(rule);
      return rule;
    };
  }
  if (typeof rules !== 'object' || rules === null) {
    throw new SpiffeError('ERR_CONFIG_OPTION', 'the rules for calls must be an object, a Map or a function');
  }
  const byMethod = new Map<string, Authorizer>(rules instanceof Map ? rules : Object.entries(rules));
  for (const [method, authorizer] of byMethod) {
    if (!/^\/[^/]+\/[^/]+$/.test(method)) {
      throw new SpiffeError(
        'ERR_CONFIG_OPTION',
        `a rule must be for a method, got ${JSON.stringify(method)}`,
        {
          hint: "Write its path as '/package.Service/Method', as a service definition has it.",
        },
      );
    }
    anyOf(authorizer);
  }
  return (method) => byMethod.get(method);
}

/**
 * Asks the rule for a method about a proven peer.
 *
 * @throws {@link SpiffeError} `ERR_PEER_UNAUTHORIZED`, also when there is no rule; whatever a rule throws.
 */
export function checkRule(ruleOf: RuleOf, method: string, peer: AuthorizedSubject): void {
  const rule = ruleOf(method);
  if (rule !== undefined) {
    checkAuthorized(rule, peer);
    return;
  }
  throw new SpiffeError('ERR_PEER_UNAUTHORIZED', `nobody is allowed ${method}: there is no rule for it`, {
    peer: peer.id.toString(),
    blame: 'caller',
    hint: 'Add the method to the rules, or give the option otherwise.',
  });
}
