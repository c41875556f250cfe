import dns from 'node:dns';
import { createServer, type ListenOptions, type Server } from 'node:net';

/**
 * Makes `server.listen({ host: 'localhost' })` take connections on every address of that name, as Fastify does with
 * servers of its own. It does so with further servers, which a gate in front of the first would not cover; here the
 * other addresses only hand their connections to the one server.
 *
 * @param server - not listening yet.
 * @returns the same server.
 */
export function coverLocalhost<S extends Server>(server: S): S {
  const listen: (options: ListenOptions, ...rest: (() => void)[]) => S = server.listen.bind(server);
  const close = server.close.bind(server);
  const others = new Set<Server>();
  /** Counts calls of listen and close: an answer of the resolver that comes after the next one is late. */
  let turn = 0;

  const listenOnAll = (options: ListenOptions): void => {
    const mine = ++turn;
    dns.lookup('localhost', { all: true }, (error, addresses) => {
      if (mine !== turn) return;
      const [first, ...more] = error === null ? addresses : [];
      if (first === undefined) {
        // Listening says what is wrong with the name.
        listen(options);
        return;
      }
      server.once('listening', () => {
        if (mine !== turn) return;
        const address = server.address();
        const port = typeof address === 'object' ? address?.port : undefined;
        for (const { address: host } of more) others.add(forward(host, port, server));
      });
      listen({ ...options, host: first.address });
    });
  };

  return Object.assign(server, {
    listen(options: ListenOptions, ...rest: (() => void)[]): S {
      if (options?.host !== 'localhost') return listen(options, ...rest);
      for (const callback of rest) server.once('listening', callback);
      listenOnAll(options);
      return server;
    },
    close(callback?: (error?: Error) => void): S {
      turn += 1;
      // Its own end does not wait for the connections of the others.
      let left = others.size + 1;
      let failure: Error | undefined;
      const ended = (error?: Error): void => {
        failure ??= error;
        left -= 1;
        if (left === 0) callback?.(failure);
      };
      for (const other of others) other.close(() => ended());
      others.clear();
      return close(ended);
    },
  });
}

/** Takes connections on one more address, for `server`. An address that cannot be had is left out. */
function forward(host: string, port: number | undefined, server: Server): Server {
  const other = createServer({ noDelay: true }, (socket) => server.emit('connection', socket));
  other.on('error', () => other.close());
  // The first server decides how long the process lives.
  return other.listen({ host, port }).unref();
}
