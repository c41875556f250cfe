import { type Socket } from 'node:net';
import { type Server, type TLSSocket } from 'node:tls';

import { type X509Context, type X509Source, X509Svid } from '@svidkit/core';
import { type IdentityInput } from '@svidkit/tls';

import { engine } from '../engine.ts';
import { mapSource } from './map-source.ts';

/** Gives servers another identity. */
export function onServers(
  change: (input: IdentityInput, sockets: ReadonlySet<TLSSocket>) => IdentityInput,
): void {
  const { createTlsServer, createHttpsServer, secureServer } = engine;
  engine.createTlsServer = (input, options, listener) => {
    const sockets = new Set<TLSSocket>();
    const server = createTlsServer(change(input, sockets), options, listener);
    server.on('secureConnection', (socket: TLSSocket) => sockets.add(socket));
    return server;
  };
  engine.createHttpsServer = (input, options, listener) => {
    const sockets = new Set<TLSSocket>();
    const server = createHttpsServer(change(input, sockets), options, listener);
    server.on('secureConnection', (socket: TLSSocket) => sockets.add(socket));
    return server;
  };
  engine.secureServer = (server, input, options) => secureServer(server, change(input, new Set()), options);
}

/** Does something to each connection that was let in, before it is served. */
export function onSockets(change: (socket: TLSSocket) => void): void {
  const { createTlsServer } = engine;
  engine.createTlsServer = (input, options, listener) =>
    createTlsServer(input, options, (socket) => {
      change(socket);
      listener?.(socket);
    });
}

export function afterServers(change: (server: Server) => void): void {
  const { createTlsServer } = engine;
  engine.createTlsServer = (input, options, listener) => {
    const server = createTlsServer(input, options, listener);
    change(server);
    return server;
  };
}

/** Answers those who begin with the G of GET in the clear, and gives the others to TLS. */
export function plainWords(): void {
  afterServers((server) => {
    const takers = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      socket.once('data', (chunk: Buffer) => {
        if (chunk[0] === 0x47) {
          socket.end('{"peer":"spiffe://a.test/anyone"}\n');
          return;
        }
        socket.pause();
        socket.unshift(chunk);
        for (const take of takers) take.call(server, socket);
      });
    });
  });
}

export function silenceRejections(): void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array) =>
    String(text).includes('"event":"server.rejected"') ? true : write(text);
}

/** What a source was at first, for ever. */
export function frozen(source: X509Source): X509Source {
  const first = source.current;
  return { ...mapSource(source, () => first), current: first, onUpdate: () => ({ [Symbol.dispose]() {} }) };
}

/** A source whose chain ends with the leaf. */
export function leafAlone(source: X509Source): X509Source {
  return mapSource(source, (context) => {
    if (context === undefined) return undefined;
    const { svid } = context;
    const [leaf] = svid.certificates;
    const alone = X509Svid.fromDer({
      certificates: leaf?.der ?? new Uint8Array(),
      privateKey: svid.privateKey,
    });
    return Object.freeze({ ...context, svid: alone });
  });
}

/** A source that has nothing now and then. */
export function momentary(source: X509Source, isGone: () => boolean): X509Source {
  const same = mapSource(source, (context) => context);
  return {
    ...same,
    get current(): X509Context {
      if (isGone()) throw new Error('a moment please');
      return source.current;
    },
    onUpdate: (listener) => source.onUpdate((context) => listener(context)),
  };
}

/** A source that gives the generation before the last one every second time. */
export function alternating(source: X509Source): X509Source {
  let previous = source.current;
  let latest = source.current;
  let turn = 0;
  const listeners = new Set<(context: X509Context | undefined) => void>();
  const flip = (): void => {
    const context = ++turn % 2 === 0 ? latest : previous;
    for (const listener of listeners) listener(context);
  };
  source.onUpdate((context) => {
    previous = latest;
    latest = context ?? latest;
  });
  setInterval(flip, 3).unref();
  return {
    ...mapSource(source, (context) => context),
    get current(): X509Context {
      return turn % 2 === 0 ? latest : previous;
    },
    onUpdate(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}
