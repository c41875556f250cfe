import { isSpiffeError, type SpiffeErrorCode } from '@svidkit/core';
import { type JwtBundleSet, parseJwtSvid, validateJwtSvid } from '@svidkit/core/jwt';
import { type WorkloadApiClient } from '@svidkit/workload-api';

import { engine } from '../engine.ts';
import { OPERATIONS } from '../operations.ts';
import { type JsonObject, texts } from '../params.ts';
import { around, mishear, misreport, type Mutant } from './mutant.ts';

const CACHE = 'workload-api/jwt/cache*';
const BUNDLES = 'workload-api/jwt/bundle*';

/** Broken clients of the Workload API, as far as they are about JWT-SVIDs. */
export const WORKLOAD_JWT_MUTANTS: readonly Mutant[] = [
  {
    name: 'jwt-asks-for-itself',
    lie: 'asks for tokens with its own ID as audience',
    cases: ['workload-api/jwt/fetch*'],
    apply: () => mishear('workload.jwt', (params) => ({ ...params, audience: ['spiffe://a.test/port'] })),
  },
  {
    name: 'jwt-one-audience',
    lie: 'asks for tokens with the first audience alone',
    cases: ['workload-api/jwt/fetch*'],
    apply: () =>
      mishear('workload.jwt', (params) => ({ ...params, audience: texts(params, 'audience').slice(0, 1) })),
  },
  {
    name: 'jwt-default-identity',
    lie: 'asks for tokens of the default identity alone',
    cases: ['workload-api/jwt/fetch*', CACHE],
    apply: () => {
      for (const op of ['workload.jwt', 'source.jwt']) mishear(op, ({ id: _id, ...params }) => params);
    },
  },
  {
    name: 'jwt-believes-the-message',
    lie: 'takes the ID of a token from the message beside it',
    cases: ['workload-api/jwt/fetch*'],
    apply: () =>
      around('workload.jwt', async (params, honest) => {
        try {
          return await honest(params);
        } catch {
          return { id: 'spiffe://a.test/port', token: '' };
        }
      }),
  },
  {
    name: 'jwt-keeps-no-tokens',
    lie: 'asks the agent for each token',
    cases: [CACHE],
    apply: () => {
      let address: unknown;
      mishear('source.open', (params) => {
        ({ address } = params);
        return params;
      });
      around('source.jwt', async (params) => {
        const ask = OPERATIONS.get('workload.jwt');
        return ask?.({ ...params, address }) ?? {};
      });
    },
  },
  keepsTokens('jwt-keeps-tokens-forever', 'keeps tokens beyond their life', ({ handle, audience, id }) =>
    JSON.stringify([handle, audience, id]),
  ),
  keepsTokens('jwt-forgets-audiences', 'gives the token of one audience for another', ({ handle, id }) =>
    JSON.stringify([handle, id]),
  ),
  {
    name: 'jwt-keeps-old-keys',
    lie: 'validates tokens with the keys of earlier messages',
    cases: [BUNDLES],
    apply: () => {
      validating((bundles, seen) => [bundles, ...seen]);
    },
  },
  {
    name: 'jwt-keeps-first-keys',
    lie: 'validates tokens with the keys of the first message',
    cases: [BUNDLES],
    apply: () => {
      validating((bundles, seen) => [seen[0] ?? bundles]);
    },
  },
  {
    name: 'jwt-keeps-trust-domains',
    lie: 'validates tokens of trust domains that are gone with what it had of them',
    cases: [BUNDLES],
    apply: () => validating((bundles, seen) => [bundles, ...seen], 'ERR_BUNDLE_UNKNOWN'),
  },
  {
    name: 'jwt-any-signature',
    lie: 'looks whether it knows the key of a token, and not whether that has signed it',
    cases: [BUNDLES],
    apply: () =>
      around('source.validateJwt', async (params, honest) => {
        try {
          return await honest(params);
        } catch (error) {
          if (!isSpiffeError(error) || error.code !== 'ERR_JWT_SIGNATURE') throw error;
          return { id: parseJwtSvid(String(params['token'])).id.toString() };
        }
      }),
  },
  {
    name: 'jwt-stops-at-a-bad-message',
    lie: 'reads no message after a bad one',
    cases: [BUNDLES],
    apply: () => stopAtTrouble(),
  },
  {
    name: 'jwt-believes-unsigned',
    lie: 'does not look at signatures',
    cases: [BUNDLES],
    apply: () =>
      around('source.validateJwt', ({ token }) => ({ id: parseJwtSvid(String(token)).id.toString() })),
  },
  {
    name: 'jwt-looks-itself',
    lie: 'says that it has looked itself where the agent did',
    cases: ['workload-api/jwt/validate*'],
    apply: () => misreport('workload.validateJwt', (answer) => ({ ...answer, delegated: false })),
  },
  {
    name: 'jwt-asks-without-audience',
    lie: 'has the agent validate tokens for another audience',
    cases: ['workload-api/jwt/validate*'],
    apply: () => mishear('workload.validateJwt', (params) => ({ ...params, audience: 'any' })),
  },
];

function keepsTokens(name: string, lie: string, key: (params: JsonObject) => string): Mutant {
  return {
    name,
    lie,
    cases: [CACHE],
    apply: () => {
      const kept = new Map<string, JsonObject>();
      around('source.jwt', async (params, honest) => {
        const answer = kept.get(key(params)) ?? (await honest(params));
        kept.set(key(params), answer);
        return answer;
      });
    },
  };
}

/** Tokens are validated with the sets that `choose` gives of the present one and those before, one after the other. */
function validating(
  choose: (bundles: JwtBundleSet, seen: readonly JwtBundleSet[]) => readonly JwtBundleSet[],
  onlyAfter?: SpiffeErrorCode,
): void {
  const honest = engine.openWorkloadApiJwtSource;
  engine.openWorkloadApiJwtSource = async (options) => {
    const source = await honest(options);
    const seen: JwtBundleSet[] = [];
    return {
      address: source.address,
      closed: source.closed,
      get jwtBundles() {
        return source.jwtBundles;
      },
      fetchJwtSvid: (request) => source.fetchJwtSvid(request),
      async validateJwtSvid(token, given) {
        let failure: unknown;
        const sets = choose(source.jwtBundles, [...seen]);
        seen.push(source.jwtBundles);
        for (const bundles of sets) {
          try {
            return await validateJwtSvid(token, bundles, given);
          } catch (error) {
            failure ??= error;
            if (onlyAfter !== undefined && !(isSpiffeError(error) && error.code === onlyAfter)) break;
          }
        }
        throw failure;
      },
      health: () => source.health(),
      close: () => source.close(),
      [Symbol.asyncDispose]: () => source.close(),
    };
  };
}

function stopAtTrouble(): void {
  const honest = engine.openWorkloadApiJwtSource;
  engine.openWorkloadApiJwtSource = async (options) => {
    const client = engine.createWorkloadApiClient(options);
    const wrapped: WorkloadApiClient = {
      ...client,
      async watchJwtBundles(watcher, given) {
        let isOver = false;
        await client.watchJwtBundles(
          {
            onUpdate: (bundles) => {
              if (!isOver) watcher.onUpdate(bundles);
            },
            onError: (error) => {
              isOver = true;
              watcher.onError?.(error);
            },
          },
          given,
        );
      },
    };
    const source = await honest({ ...options, client: wrapped });
    source.closed.addEventListener('abort', () => void client.close());
    return source;
  };
}
