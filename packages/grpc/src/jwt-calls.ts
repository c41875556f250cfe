import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import {
  anyOf,
  type Authorizer,
  type DenyList,
  isSpiffeError,
  publish,
  SpiffeError,
  type SpiffeId,
} from '@svidkit/core';
import {
  type JwtClaims,
  type JwtSource,
  jwtSubject,
  readBearer,
  requireNotDenied,
  requireValidateOptions,
  type ValidateJwtSvidOptions,
} from '@svidkit/core/jwt';

import { type CallRules, checkRule, parseRules, type RuleOf } from './call-rules.ts';
import { type CallHolder } from './peer.ts';

/** Who makes a call, as its token proved. Not a `Peer`: whoever shows a token has not proven more than to have it. */
export interface JwtCaller {
  readonly kind: 'jwt';
  /** The subject of the token. */
  readonly id: SpiffeId;
  /** For whom the token is. */
  readonly audience: readonly string[];
  /** When the token expires, in milliseconds since the Unix epoch. It may have by now: it was valid when it came. */
  readonly expiry: number;
  /** The claim `jti`. */
  readonly jwtId: string | undefined;
  /** All claims. */
  readonly claims: JwtClaims;
}

/** Options of {@link authorizeJwtCalls}. */
export interface AuthorizeJwtCallsOptions extends ValidateJwtSvidOptions {
  /** Who may call which method. */
  readonly rules?: CallRules;
  /** Who may call methods without a rule of their own. Default: nobody. */
  readonly otherwise?: Authorizer;
  /** Who is turned away whatever the rules say, by ID. Asked for each call. */
  readonly deny?: DenyList;
  /** Told why a call was refused: the caller is not. */
  readonly onDenied?: (error: SpiffeError, method: string) => void;
}

/** What grpc-js told about a call whose token was checked. */
const callers = new WeakMap<object, JwtCaller>();

/**
 * A server interceptor that wants a JWT-SVID in the metadata `authorization` of each call and asks an authorizer about
 * its subject, before the handler knows of the call. A method without a rule is refused. Alone, or after `authorizeCalls`
 * when connections are proven too.
 *
 * Callers get `UNAUTHENTICATED` without a good token, and `PERMISSION_DENIED` when they may not. `svidkit:jwt.accepted`
 * and `svidkit:request.rejected` tell about it.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` without audience and for rules that are for no method,
 * `ERR_CONFIG_AUTHORIZER`.
 */
export function authorizeJwtCalls(
  source: Pick<JwtSource, 'validateJwtSvid'>,
  options: AuthorizeJwtCallsOptions,
): ServerInterceptor {
  requireValidateOptions(options);
  const { rules = {}, otherwise, onDenied } = options;
  if (otherwise !== undefined) anyOf(otherwise);
  const byMethod = parseRules(rules);
  const ruleOf: RuleOf = (method) => byMethod(method) ?? otherwise;
  return ({ path }, call) =>
    new JwtCall(call, async (metadata) => {
      try {
        return await judge(metadata, path);
      } catch (cause) {
        const error = asRefusal(cause, path);
        publish('svidkit:request.rejected', () => ({ id: error.peer, method: 'POST', path, error }));
        onDenied?.(error, path);
        throw error;
      }
    });

  async function judge(metadata: Metadata, path: string): Promise<JwtCaller> {
    const token = readBearer(metadata.get('authorization').map(String));
    const svid = await source.validateJwtSvid(token, options);
    requireNotDenied(options.deny, svid);
    checkRule(ruleOf, path, jwtSubject(svid));
    const { id, audience, expiry, jwtId, claims } = svid;
    publish('svidkit:jwt.accepted', () => ({ id: id.toString(), audience, expiry }));
    return Object.freeze({ kind: 'jwt', id, audience, expiry, jwtId, claims });
  }
}

/**
 * Who makes a call, in its handler or in an interceptor after {@link authorizeJwtCalls}.
 *
 * @throws {@link SpiffeError} `ERR_PEER_UNVERIFIED` when no token of it was checked, also when its connection has a peer:
 * that one is asked for with `peerOf`.
 */
export function jwtPeerOf(call: CallHolder): JwtCaller {
  const caller = callers.get(call.getAuthContext());
  if (caller !== undefined) return caller;
  throw new SpiffeError('ERR_PEER_UNVERIFIED', 'no token of this call was checked, so it proves nobody', {
    hint: 'Put authorizeJwtCalls() into the interceptors of this server.',
  });
}

/** A call that goes on when its token was judged to be good, and knows whose it is. */
class JwtCall extends ServerInterceptingCall {
  readonly #next: ServerInterceptingCallInterface;
  readonly #caller: { value?: JwtCaller };

  constructor(next: ServerInterceptingCallInterface, judge: (metadata: Metadata) => Promise<JwtCaller>) {
    const caller: { value?: JwtCaller } = {};
    const settle = async (metadata: Metadata, proceed: (metadata: Metadata) => void): Promise<void> => {
      try {
        caller.value = await judge(metadata);
      } catch (error) {
        next.sendStatus(statusOf(error));
        return;
      }
      proceed(metadata);
    };
    super(next, {
      start(begin) {
        const listener = new ServerListenerBuilder()
          .withOnReceiveMetadata((metadata, proceed) => {
            void settle(metadata, proceed);
          })
          .build();
        begin(listener);
      },
    });
    this.#next = next;
    this.#caller = caller;
  }

  override getAuthContext(): ReturnType<ServerInterceptingCallInterface['getAuthContext']> {
    const context = this.#next.getAuthContext();
    const { value } = this.#caller;
    if (value !== undefined) callers.set(context, value);
    return context;
  }
}

function asRefusal(cause: unknown, path: string): SpiffeError {
  if (isSpiffeError(cause)) return cause;
  return new SpiffeError('ERR_PEER_UNAUTHORIZED', `the rules for ${path} failed`, { blame: 'caller', cause });
}

/** What the caller may know: nothing about who else is let in, or what we have. */
function statusOf(error: unknown): { code: status; details: string } {
  const code = isSpiffeError(error) ? error.code : '';
  if (code === 'ERR_PEER_UNAUTHORIZED' || code === 'ERR_PEER_DENIED') {
    return { code: status.PERMISSION_DENIED, details: 'this identity may not make this call' };
  }
  const isTokens =
    code.startsWith('ERR_JWT_') || code === 'ERR_BUNDLE_UNKNOWN' || code === 'ERR_BUNDLE_EMPTY';
  return isTokens
    ? { code: status.UNAUTHENTICATED, details: `this call has no good token (${code})` }
    : { code: status.UNAVAILABLE, details: 'tokens cannot be judged now' };
}
