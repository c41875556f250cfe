import { isSpiffeError } from '@svidkit/core';

import { resetClock } from './kit-clock.ts';
import { RULES } from './match-id.ts';
import { closeAll, OPERATIONS } from './operations.ts';
import { options } from './options.ts';
import { isObject, type JsonObject } from './params.ts';
import { reasonOf } from './reason-of.ts';

const PROTOCOL = 1;

/** What this adapter claims to have, and has. */
const CAPABILITIES: JsonObject = {
  ops: [...OPERATIONS.keys()].filter(
    (op) => !(options.isStatic && /^(?:source|server|client|federation|workload|clock)\./.test(op)),
  ),
  clock: true,
  concurrency: 1,
  profiles: options.isStatic
    ? ['core']
    : ['core', 'mount', 'mtls-server', 'mtls-client', 'migration', 'federation', 'workload-api'],
  rules: Object.keys(RULES),
  sources: [...options.sources, 'federated', 'workloadApi', 'workloadApiJwt'],
  layouts: ['split', 'spiffe-helper', 'credential-bundle', 'spiffe-filesystem', 'custom'],
  bundleFormats: ['pem', 'spiffe-bundle', 'bundle-map'],
  options: [
    'pollMs',
    'watch',
    'waitMs',
    'bundles',
    'resumption',
    'minTls',
    'maxFileBytes',
    'handshakeTimeoutMs',
    'minRefreshMs',
    'pick',
    'keepUntilExpiry',
    'clock',
    'redirects',
  ],
  protocols: ['line', 'http1', 'http2', 'grpc'],
  events: ['source.update', 'source.error', 'server.rejected'],
  signatures: ['ecdsa-der', 'rsa-pkcs1', 'rsa-pss'],
  stats: ['fds', 'rssBytes'],
  resetIsClean: true,
};

/** The names that it understands in the `needs` of a call. */
const NEEDS: ReadonlySet<unknown> = new Set(['clock']);

/** The answer to a call, without its id: in one of the four words of the protocol. */
export async function answer(call: JsonObject): Promise<JsonObject> {
  const { op, needs = [], params } = call;
  const unknown: unknown = Array.isArray(needs) ? needs.find((need) => !NEEDS.has(need)) : undefined;
  if (unknown !== undefined) return unsupported(`the need ${JSON.stringify(unknown)}`);
  const given = isObject(params) ? params : {};
  if (op === 'hello') return hello(given);
  if (op === 'bye' || op === 'reset') {
    await closeAll();
    resetClock();
    return { ok: {} };
  }
  const operation = OPERATIONS.get(String(op));
  if (operation === undefined) return unsupported(`the operation ${String(op)}`);
  try {
    return { ok: await operation(given) };
  } catch (error) {
    // The library looked and said no. Anything else is a fault, and never a verdict.
    if (isSpiffeError(error))
      return { reject: { code: reasonOf(error), message: `${error.code}: ${error.message}` } };
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { fault: { message, trace: stack ?? '' } };
  }
}

function hello(params: JsonObject): JsonObject {
  const offered = params['protocol'];
  if (!Array.isArray(offered) || !offered.includes(PROTOCOL)) {
    return { reject: { code: 'unknown', message: `this adapter speaks protocol ${PROTOCOL}` } };
  }
  return {
    ok: {
      protocol: PROTOCOL,
      implementation: {
        name: 'svidkit',
        version: '0.1.0',
        language: 'typescript',
        runtime: `node ${process.versions.node}`,
      },
      capabilities: CAPABILITIES,
    },
  };
}

function unsupported(what: string): JsonObject {
  return { unsupported: { reason: `svidkit does not have ${what}` } };
}
