import { type X509Context, type X509Source } from '@svidkit/core';

/** A source that gives something else than another one. */
export function mapSource(
  source: X509Source,
  map: (context: X509Context | undefined) => X509Context | undefined,
): X509Source {
  const known = new WeakMap<X509Context, X509Context>();
  let failure = new Error('nothing to use');
  const mapped = (): X509Context | undefined => {
    let context: X509Context | undefined;
    try {
      context = source.current;
    } catch (error) {
      if (error instanceof Error) failure = error;
    }
    if (context === undefined) return map(undefined);
    const found = known.get(context) ?? map(context);
    if (found !== undefined) known.set(context, found);
    return found;
  };
  return {
    get current() {
      const context = mapped();
      if (context === undefined) throw failure;
      return context;
    },
    onUpdate: (listener) => source.onUpdate(() => listener(mapped())),
    closed: source.closed,
    health: () => source.health(),
    close: () => source.close(),
    [Symbol.asyncDispose]: () => source.close(),
  };
}
