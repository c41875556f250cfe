import { type Authorizer, type X509Source } from '@svidkit/core';

/** What one exchange showed: each end as the other one saw it. */
export interface Answer {
  /** Serial number of the SVID that the server showed. */
  readonly server: string;
  /** Serial number of the SVID that the client showed. */
  readonly client: string;
  /** Who the handler says that it serves. */
  readonly peer: string;
}

/** How a service is started. */
export interface ServeOptions {
  readonly authorize: Authorizer;
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** What a handler waits for before it answers. Default: nothing. */
  readonly hold?: () => Promise<void>;
}

/** A service that listens, and what it did. */
export interface Service {
  readonly port: number;
  readonly handled: Handled;
  /** Ends in good order. Gives whether every connection ended by itself. */
  drain(): Promise<boolean>;
  /** Ends at once, connections too. */
  kill(): Promise<void>;
}

/** Where a client goes. */
interface ClientOptions {
  readonly authorize: Authorizer;
  readonly host: string;
  readonly port: number;
}

/** A client of one service. */
export interface Client {
  /** One exchange, over a connection that may be an earlier one where the transport keeps them. */
  ask(): Promise<Answer>;
  /** Begins something that stays with its connection; only where the transport has such a thing. */
  readonly converse?: () => Promise<Conversation>;
  /** Waits until it has a connection again; only where it connects by itself, after a pause. */
  readonly ready?: () => Promise<void>;
  /** Ends everything now. */
  close(): unknown;
}

/** A long exchange over one connection. */
export interface Conversation {
  readonly say: () => Promise<Answer>;
  readonly end: () => unknown;
}

/** A kind of service and a kind of client, spoken to in the same way whatever they are. */
export interface Transport {
  /** Which end of it is its own: the other one is that of another row. */
  readonly own: 'both' | 'client' | 'server';
  /** The protocol that its clients ask for by ALPN. */
  readonly alpn: 'h2' | 'http/1.1' | undefined;
  /** Who judges the chain of a server: our verifier, or OpenSSL, which has its own names for what is wrong. */
  readonly judge: 'svidkit' | 'openssl';
  /** The bytes that make its handler run. */
  readonly opening: () => Promise<Buffer>;
  readonly serve: (source: X509Source, options: ServeOptions) => Promise<Service>;
  readonly connect: (source: X509Source, options: ClientOptions) => Client;
}

/** Whom a handler was run for, in order. */
export class Handled {
  readonly peers: string[] = [];
  #wake: (() => void)[] = [];

  add(peer: string): void {
    this.peers.push(peer);
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves once so many were handled. */
  async reach(count: number): Promise<void> {
    while (this.peers.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }
}
