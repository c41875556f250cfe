import { setImmediate } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';

import { describe, expect, test } from 'vitest';

import { authorizeAny, authorizeMemberOf } from '../src/authorize.ts';
import { type Authorizer, type Decision } from '../src/authorizer.ts';
import { checkAuthorized } from '../src/check-authorized.ts';
import { type SpiffeError } from '../src/errors.ts';
import { SpiffeId } from '../src/spiffe-id.ts';
import { TrustDomain } from '../src/trust-domain.ts';
import { failureOf } from './failure-of.ts';
import { realLeaf } from './real-leaf.ts';

const peer = { id: SpiffeId.parse('spiffe://td/a'), leaf: await realLeaf() };

function answering(answer: () => unknown, trustDomains: unknown = 'any'): Authorizer {
  return {
    trustDomains: trustDomains as Authorizer['trustDomains'],
    description: 'a hand-written rule',
    authorize: () => answer() as Decision,
  };
}

function refusal(authorizer: Authorizer): SpiffeError {
  return failureOf(() => checkAuthorized(authorizer, peer));
}

class YesByPrototype {
  get allowed(): boolean {
    return true;
  }
}

class AsyncYes {
  readonly allowed = true;
  // oxlint-disable-next-line unicorn/no-thenable -- the trap under test
  then(resolve: (decision: Decision) => void): void {
    resolve({ allowed: true });
  }
}

describe('checkAuthorized', () => {
  test('lets in on an honest yes, also of an authorizer with a class of its own', () => {
    class Own implements Authorizer {
      readonly trustDomains: ReadonlySet<TrustDomain> = new Set([TrustDomain.parse('td')]);
      readonly description = 'those with a path';
      authorize({ id }: { readonly id: SpiffeId }): Decision {
        return id.path === '' ? { allowed: false, reason: `${this.description} only` } : { allowed: true };
      }
    }
    expect(() => checkAuthorized(new Own(), peer)).not.toThrow();
    expect(() => checkAuthorized(new Own(), { ...peer, id: peer.id.trustDomain.id })).toThrow(
      'those with a path only',
    );
    expect(() =>
      checkAuthorized(
        answering(() => Object.freeze({ allowed: true })),
        peer,
      ),
    ).not.toThrow();
  });

  test('gives the reason of a refusal, and stands in for a missing one', () => {
    expect(refusal(answering(() => ({ allowed: false, reason: 'not today' })))).toMatchObject({
      code: 'ERR_PEER_UNAUTHORIZED',
      blame: 'peer',
      peer: 'spiffe://td/a',
      message: 'peer spiffe://td/a is not authorized: not today',
    });
    for (const reason of [undefined, '', 1, {}]) {
      expect(refusal(answering(() => ({ allowed: false, reason }))).message).toContain(
        'the authorizer gave no reason',
      );
    }
  });

  test.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['true', () => true],
    ['1', () => 1],
    ['"allowed"', () => 'allowed'],
    ['an empty object', () => ({})],
    ['a list', () => [{ allowed: true }]],
    ['a function', () => Object.assign(() => true, { allowed: true })],
    ['the number 1 as allowed', () => ({ allowed: 1 })],
    ['a text as allowed', () => ({ allowed: 'true' })],
    ['a boxed true as allowed', () => ({ allowed: new Boolean(true) })],
    ['an inherited yes', () => Object.create({ allowed: true }) as unknown],
    ['a yes by a getter of a class', () => new YesByPrototype()],
    ['a promise of yes', () => Promise.resolve({ allowed: true })],
    ['a promise with a yes of its own', () => Object.assign(Promise.resolve(), { allowed: true })],
    ['a promise of another realm', () => runInNewContext('Promise.resolve({ allowed: true })') as unknown],
    ['a thenable with a yes', () => new AsyncYes()],
  ])('refuses on %s, and blames the caller', (_name, answer) => {
    expect(refusal(answering(answer))).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED', blame: 'caller' });
  });

  test.each([new Error('down'), 'down', undefined, null, { allowed: true }])(
    'refuses when it throws %o, and keeps the cause',
    (thrown) => {
      const error = refusal(
        answering(() => {
          // oxlint-disable-next-line typescript/only-throw-error -- what others throw is the point
          throw thrown;
        }),
      );
      expect(error).toMatchObject({ code: 'ERR_PEER_UNAUTHORIZED', blame: 'caller', cause: thrown });
      expect(error.message).toContain('the authorizer failed');
    },
  );

  test('refuses an answer that throws when it is read', () => {
    const trap = new Proxy(
      {},
      {
        has: () => {
          throw new Error('trapped');
        },
      },
    );
    expect(refusal(answering(() => trap)).message).toContain('trapped');
  });

  test('a promise that rejects does not end the process', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      refusal(answering(async () => Promise.reject(new Error('down'))));
      await setImmediate();
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });

  test('a polluted Object.prototype cannot say yes', () => {
    const prototype = Object.prototype as { allowed?: unknown };
    try {
      // oxlint-disable-next-line no-extend-native -- the attack under test
      Object.defineProperty(prototype, 'allowed', { value: true, configurable: true, writable: true });
      expect(refusal(answering(() => ({}))).code).toBe('ERR_PEER_UNAUTHORIZED');
      expect(refusal(answering(() => ({ allowed: false }))).code).toBe('ERR_PEER_UNAUTHORIZED');
      expect(refusal(authorizeMemberOf('other')).code).toBe('ERR_PEER_UNAUTHORIZED');
    } finally {
      delete prototype.allowed;
    }
  });

  test.each<[string, unknown]>([
    ['another trust domain', new Set([TrustDomain.parse('other')])],
    ['no trust domain', new Set()],
    ['the name as text', 'td'],
    ['names in place of trust domains', new Set(['td'])],
    ['nothing', undefined],
    ['null', null],
    ['an object', {}],
    ['any in a list', ['any']],
  ])('refuses a yes about a peer when the authorizer declared %s', (_name, trustDomains) => {
    const asked: string[] = [];
    const rule = {
      trustDomains,
      description: 'a hand-written rule',
      authorize: () => {
        asked.push('asked');
        return { allowed: true };
      },
    } as Authorizer;
    expect(refusal(rule).code).toBe('ERR_PEER_UNAUTHORIZED');
    expect(asked).toEqual([]);
  });

  test('knows the trust domain of the peer also when the declared one is of another copy of the package', () => {
    const copy = { name: 'td' } as TrustDomain;
    expect(() =>
      checkAuthorized(
        answering(() => ({ allowed: true }), new Set([copy])),
        peer,
      ),
    ).not.toThrow();
  });

  test.each([undefined, null, {}, () => ({ allowed: true })])(
    'refuses when %o stands in place of an authorizer',
    (given) => {
      expect(refusal(given as Authorizer).code).toBe('ERR_PEER_UNAUTHORIZED');
    },
  );

  test('gives nothing back: only coming back at all means yes', () => {
    expect(checkAuthorized(authorizeAny(), peer)).toBeUndefined();
  });
});
