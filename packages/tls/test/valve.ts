import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcp, type Socket } from 'node:net';

import { listen } from './fixtures.ts';

/** A way to a port that holds everything back until it is opened. */
export async function valve(
  port: number,
): Promise<{ readonly port: number; readonly taken: Promise<unknown>; readonly open: () => void }> {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const server = createTcp((inner) => {
    inner.on('error', () => {});
    void opened.then(() => pass(inner));
  });
  const pass = (inner: Socket): void => {
    const outer = connectTcp(port, '127.0.0.1');
    outer.on('error', () => inner.destroy());
    outer.on('close', () => inner.destroy());
    inner.on('close', () => outer.destroy());
    inner.pipe(outer).pipe(inner);
  };
  const taken = once(server, 'connection');
  return { port: await listen(server), taken, open };
}
