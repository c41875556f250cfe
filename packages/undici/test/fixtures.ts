import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { type Socket } from 'node:net';

import { authorizeAny, type X509Source } from '@svidkit/core';
import { type TestX509Source } from '@svidkit/testkit';
import { peerOf, secureServer } from '@svidkit/tls';
import {
  type BoundFetch,
  createDispatcher,
  createFetch,
  type DispatcherOptions,
  type SpiffeDispatcher,
} from '@svidkit/undici';

import { closing, describePeer, serve, type Service, type ServiceOptions } from '../../tls/test/fixtures.ts';

/** Whether a test is about HTTP/1.1 or HTTP/2. */
export const PROTOCOLS = [
  ['HTTP/1.1', false],
  ['HTTP/2', true],
] as const;

/** A fetch, destroyed after the test. */
export function fetchOf(source: X509Source, options: Partial<DispatcherOptions> = {}): BoundFetch {
  return closing(createFetch(source, { authorize: authorizeAny(), ...options }), (one) => one.destroy());
}

/** A dispatcher, destroyed after the test. */
export function dispatcherOf(source: X509Source, options: Partial<DispatcherOptions> = {}): SpiffeDispatcher {
  return closing(createDispatcher(source, { authorize: authorizeAny(), ...options }), (one) => one.destroy());
}

/** `https://127.0.0.1:port` */
export const originOf = ({ port }: { readonly port: number }): string => `https://127.0.0.1:${port}`;

export type Application = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

/** A service that speaks HTTP/2 and HTTP/1.1; by default it answers with whom it sees. */
export function anyService(
  source: X509Source,
  options: ServiceOptions = {},
  application: Application = (request, response) => response.end(describePeer(request)),
): Promise<Service> {
  return serve((handled) =>
    secureServer(
      createSecureServer({ allowHTTP1: true }, (request, response) => {
        handled.push(peerOf(request).id.toString());
        application(request, response);
      }),
      source,
      { authorize: authorizeAny(), ...options },
    ),
  );
}

/** A service whose answers wait until they are let go. */
export async function holdingService(source: TestX509Source, options: ServiceOptions = {}) {
  const waiting: { readonly request: Http2ServerRequest; readonly answer: () => unknown }[] = [];
  const arrivals: (() => void)[] = [];
  const service = await anyService(source, options, (request, response) => {
    waiting.push({ request, answer: () => response.writableEnded || response.end(describePeer(request)) });
    for (const wake of arrivals.splice(0)) wake();
  });
  const arrived = async (count: number): Promise<void> => {
    while (waiting.length < count) {
      await new Promise<void>((resolve) => {
        arrivals.push(resolve);
      });
    }
  };
  const answerAll = (): void => {
    for (const { answer } of waiting) answer();
  };
  return { ...service, waiting, arrived, answerAll };
}

export const serialOf = (answer: string): string | undefined => /serial=(\w+)/.exec(answer)?.[1];

/** The code of a failure, wherever in its causes it is. */
export function codeOf(error: unknown): unknown {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code !== undefined) return at.code;
  }
  return undefined;
}

/** The sockets that this process has connected since. */
export class ClientSockets {
  readonly all: Socket[] = [];

  constructor() {
    const listener = (message: unknown): void => {
      this.all.push((message as { readonly socket: Socket }).socket);
    };
    subscribe('net.client.socket', listener);
    closing(this, () => unsubscribe('net.client.socket', listener));
  }

  /** Waits until all are gone. */
  async gone(): Promise<void> {
    for (const socket of this.all) {
      if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    }
  }
}
