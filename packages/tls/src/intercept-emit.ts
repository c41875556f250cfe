import { type Socket } from 'node:net';
import { type Server, type TLSSocket } from 'node:tls';

/**
 * Sees an event before any listener does.
 *
 * @param pass - lets the listeners have it. Not calling it keeps it from all of them.
 */
export type Interceptor = (event: string, args: readonly unknown[], pass: () => boolean) => boolean;

/**
 * Puts `interceptor` between a server and all its listeners, those added before, after and in front included. That
 * node:tls announces a connection by calling `server.emit` is undocumented: it is used here alone, and
 * `gate-proof.ts` proves it before any connection is served.
 */
export function interceptEmit(server: Server, interceptor: Interceptor): void {
  const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
  Object.defineProperty(server, 'emit', {
    value: function gatedEmit(event: string | symbol, ...args: unknown[]): boolean {
      const pass = (): boolean => emit(event as string, ...args);
      return typeof event === 'string' ? interceptor(event, args, pass) : pass();
    },
  });
}

/** The TCP socket under a TLS socket of a server; undefined where Node does not tell (undocumented). */
export function rawSocketOf(socket: TLSSocket): Socket | undefined {
  return (socket as TLSSocket & { readonly _parent?: Socket | null })._parent ?? undefined;
}

/** Whether a server has a callback that takes a decision away from its context (undocumented symbols). */
export function hasContextCallback(server: Server): boolean {
  const { _contexts: contexts } = server as Server & { readonly _contexts?: readonly unknown[] };
  if ((contexts?.length ?? 0) > 0) return true;
  return [...Object.getOwnPropertySymbols(server), 'ALPNCallback'].some((key) => {
    const name = typeof key === 'symbol' ? key.description?.toLowerCase() : key.toLowerCase();
    if (name !== 'snicallback' && name !== 'pskcallback' && name !== 'alpncallback') return false;
    return typeof (server as unknown as Record<PropertyKey, unknown>)[key] === 'function';
  });
}
