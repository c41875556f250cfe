import { createSecureContext, type SecureContext } from 'node:tls';

/**
 * A secure context that is another one each time it is used: node:tls reads its `context` property when a
 * connection starts. Undocumented, so it lives here alone, and it fails closed: should a Node read the
 * property once and keep it, what it keeps can present nothing and trusts nobody.
 *
 * @param current - the context to use now. Must not throw.
 * @returns one object that may be copied, spread and kept for ever.
 */
export function liveContext(current: () => SecureContext): SecureContext {
  const holder = createSecureContext({ ca: [] });
  const native = Object.getOwnPropertyDescriptor(holder, 'context');
  if (native === undefined || typeof native.value !== 'object') return holder;
  Object.defineProperty(holder, 'context', {
    get: (): unknown => Reflect.get(current(), 'context'),
    enumerable: false,
  });
  return holder;
}
