import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { anyOf, type Authorizer, isSpiffeError, SpiffeError } from '@svidkit/core';

import { type CallRules, checkRule, parseRules, type RuleOf } from './call-rules.ts';
import { peerOf } from './peer.ts';

/** Options of {@link authorizeCalls}. */
export interface AuthorizeCallsOptions {
  /** Who may call methods without a rule of their own. Default: nobody. */
  readonly otherwise?: Authorizer;
  /** Told why a call was refused: the caller is not. */
  readonly onDenied?: (error: SpiffeError, method: string) => void;
}

/**
 * A server interceptor that asks an authorizer for each call, before its handler knows of it. A method without a rule is
 * refused. For `new Server({ interceptors: [authorizeCalls(...)] })`, with `createServerCredentials`.
 *
 * Callers get `PERMISSION_DENIED`, or `UNAUTHENTICATED` when their connection is not one that svidkit admitted.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when a rule is not for a method path, `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeCalls(rules: CallRules, options: AuthorizeCallsOptions = {}): ServerInterceptor {
  const { otherwise, onDenied } = options;
  if (otherwise !== undefined) anyOf(otherwise);
  const ruleOf = parseRules(rules);
  return ({ path }, call) => {
    const refusal = refuse(path, call, (method) => ruleOf(method) ?? otherwise);
    if (refusal === undefined) return new ServerInterceptingCall(call);
    return refusedCall(call, statusOf(refusal, path), () => onDenied?.(refusal, path));
  };
}

/** Why a call must not begin; undefined: it may. */
function refuse(
  method: string,
  call: ServerInterceptingCallInterface,
  ruleOf: RuleOf,
): SpiffeError | undefined {
  try {
    const { id, certificate } = peerOf(call);
    checkRule(ruleOf, method, { id, leaf: certificate });
    return undefined;
  } catch (cause) {
    if (isSpiffeError(cause)) return cause;
    return new SpiffeError('ERR_PEER_UNAUTHORIZED', `the rules for ${method} failed`, {
      blame: 'caller',
      cause,
    });
  }
}

/** What the caller may know: nothing about who else is let in. */
function statusOf({ code }: SpiffeError, method: string): { code: status; details: string } {
  return code === 'ERR_PEER_UNVERIFIED' || code === 'ERR_PEER_EXPIRED'
    ? {
        code: status.UNAUTHENTICATED,
        details: 'the identity of this connection is not known, or has expired',
      }
    : { code: status.PERMISSION_DENIED, details: `this identity may not call ${method}` };
}

/** A call that is answered in place of its handler, which never hears of it. */
function refusedCall(
  call: ServerInterceptingCallInterface,
  answer: { code: status; details: string },
  refused: () => void,
): ServerInterceptingCall {
  return new ServerInterceptingCall(call, {
    start(next) {
      const listener = new ServerListenerBuilder()
        .withOnReceiveMetadata(() => {
          call.sendStatus(answer);
          refused();
        })
        .build();
      next(listener);
    },
  });
}
