import { channel } from 'node:diagnostics_channel';

import { type SpiffeError } from './errors.ts';
import { type SourceHealth, type X509Context, type X509Source } from './source.ts';

/** What each channel of `node:diagnostics_channel` carries. Subscribe with `diagnostics_channel.subscribe(name, f)`. */
export interface SvidkitEvents {
  /** A source has a new generation (`context`), or nothing left to use (`undefined`, with the reason). */
  'svidkit:source.update': {
    readonly source: X509Source;
    readonly context: X509Context | undefined;
    readonly reason: string;
    /** From the change being noticed to the swap, in milliseconds, where that is known. */
    readonly tookMs?: number;
  };
  /** A source met bad input and goes on with what it has. */
  'svidkit:source.error': { readonly source: X509Source | undefined; readonly error: SpiffeError };
  /** The health status of a source changed. */
  'svidkit:source.health': { readonly source: X509Source; readonly health: SourceHealth };
  /** A mounted file of policy was read and is in use, after it had changed or could not be used. */
  'svidkit:policy.update': {
    /** Its path, absolute. */
    readonly file: string;
    readonly kind: 'deny-list' | 'migration-policy';
  };
  /** The endpoint of a trust domain was asked for its bundle. */
  'svidkit:federation.fetch': {
    readonly trustDomain: string;
    /** The URL that is configured, without its query. */
    readonly url: string;
    /**
     * `fetched`: the bundle is in use now; `unchanged`: it was before; `older`: its sequence number is behind the one in
     * use, which stays; `failed`: what is in use stays.
     */
    readonly outcome: 'fetched' | 'unchanged' | 'older' | 'failed';
    readonly sequence: bigint | undefined;
    /** What went wrong, or is odd about a bundle that was taken. */
    readonly error: SpiffeError | undefined;
    readonly tookMs: number;
  };
  /** A peer was admitted. */
  'svidkit:peer.accepted': PeerEvent & {
    readonly kind: 'spiffe' | 'legacy';
    /** Its SPIFFE ID, or a name from its legacy certificate. */
    readonly id: string;
    /** The group of the key exchange, where this Node.js tells it (clients from 24 on): `X25519MLKEM768`. */
    readonly group: string | undefined;
  };
  /** A peer was turned away before any application byte. */
  'svidkit:peer.rejected': PeerEvent & { readonly error: SpiffeError };
  /** A request on an admitted connection, or on one that nobody admitted, was refused before its handler ran. */
  'svidkit:request.rejected': {
    /** The SPIFFE ID of the other end of the connection, as far as it is known. */
    readonly id: string | undefined;
    readonly method: string | undefined;
    /** The path alone: never the query, where secrets travel. */
    readonly path: string | undefined;
    readonly error: SpiffeError;
  };
  /** A source has a new token of our own. The token itself is never told. */
  'svidkit:jwt.update': {
    readonly id: string;
    readonly audience: readonly string[];
    /** When it expires, in milliseconds since the Unix epoch. */
    readonly expiry: number;
  };
  /** A request or a call was let in by a token. */
  'svidkit:jwt.accepted': {
    /** Whose token it is. */
    readonly id: string;
    readonly audience: readonly string[];
    /** When it expires, in milliseconds since the Unix epoch. */
    readonly expiry: number;
  };
  /** A connection takes no more work: because of its age, an expiry, a changed bundle, or a peer no longer let in. */
  'svidkit:connection.drained': {
    readonly side: 'client' | 'server';
    /** The SPIFFE ID of the peer, or a name from its legacy certificate. */
    readonly id: string;
    readonly reason:
      | 'rotation'
      | 'own-svid-expired'
      | 'peer-svid-expired'
      | 'authority-removed'
      | 'source-empty'
      | 'max-age'
      | 'denied'
      | 'legacy-refused'
      | 'unauthorized'
      | 'shutdown';
  };
  /** A decision about a peer while legacy and SPIFFE certificates coexist, or while authorization only reports. */
  'svidkit:migration.decision': {
    readonly side: 'client' | 'server';
    /** What the peer presented; `none`: no certificate. */
    readonly kind: 'spiffe' | 'legacy' | 'none';
    /** What we presented. */
    readonly presented: 'spiffe' | 'legacy';
    readonly mode: 'permissive' | 'strict';
    /** The SPIFFE ID, or a name from the legacy certificate, of a peer that was proven; else undefined. */
    readonly peer: string | undefined;
    /** `would-reject`: it was admitted, because authorization only reports. */
    readonly result: 'accepted' | 'rejected' | 'would-reject';
    /** Why not. */
    readonly error: SpiffeError | undefined;
  };
}

/** What the events about a peer have in common. */
export interface PeerEvent {
  /** Which side of the connection we are. */
  readonly side: 'client' | 'server';
  /** The generation of our own identity; 0 when we had none. */
  readonly generation: number;
  /** `address:port` of the peer as the socket gives it; undefined where there is none. */
  readonly remote: string | undefined;
}

const channels = {
  'svidkit:source.update': channel('svidkit:source.update'),
  'svidkit:source.error': channel('svidkit:source.error'),
  'svidkit:source.health': channel('svidkit:source.health'),
  'svidkit:policy.update': channel('svidkit:policy.update'),
  'svidkit:federation.fetch': channel('svidkit:federation.fetch'),
  'svidkit:peer.accepted': channel('svidkit:peer.accepted'),
  'svidkit:peer.rejected': channel('svidkit:peer.rejected'),
  'svidkit:request.rejected': channel('svidkit:request.rejected'),
  'svidkit:jwt.update': channel('svidkit:jwt.update'),
  'svidkit:jwt.accepted': channel('svidkit:jwt.accepted'),
  'svidkit:connection.drained': channel('svidkit:connection.drained'),
  'svidkit:migration.decision': channel('svidkit:migration.decision'),
};

/**
 * Publishes one event. Costs nothing but a check when nobody listens: `payload` is then not called.
 */
export function publish<Name extends keyof SvidkitEvents>(
  name: Name,
  payload: () => SvidkitEvents[Name],
): void {
  const target = channels[name];
  if (target.hasSubscribers) target.publish(payload());
}
