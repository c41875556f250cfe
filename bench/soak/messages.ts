/** Where a service listens, by transport. */
export interface Ports {
  readonly https: number;
  readonly http2: number;
  readonly grpc: number;
}

/** What the conductor tells a service. */
export type Order =
  | { readonly do: 'call'; readonly ports: Ports }
  | { readonly do: 'measure' }
  /** Says when every request that has begun by now is over. */
  | { readonly do: 'settle' }
  /** Calls no more, and answers on. */
  | { readonly do: 'stop' }
  | { readonly do: 'end' };

/** Bytes and open descriptors of a process, after a garbage collection. */
export interface Held {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
}

/** What a service tells the conductor. */
export type News =
  | { readonly news: 'listening'; readonly ports: Ports }
  /** The SVID that it presents from now on. */
  | { readonly news: 'presents'; readonly serial: string }
  | { readonly news: 'count'; readonly requests: number; readonly failed: number; readonly wrong: number }
  /** Something that must not happen, told a few times. */
  | { readonly news: 'problem'; readonly text: string }
  | ({ readonly news: 'measured' } & Held)
  | { readonly news: 'settled' }
  | { readonly news: 'stopped' };
