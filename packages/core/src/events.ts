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
  /** A peer was admitted. */
  'svidkit:peer.accepted': PeerEvent & { readonly id: string };
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
  /** A connection was closed because of its age, an expiry or a changed bundle. */
  'svidkit:connection.drained': {
    readonly side: 'client' | 'server';
    readonly id: string;
    readonly reason:
      | 'rotation'
      | 'own-svid-expired'
      | 'peer-svid-expired'
      | 'authority-removed'
      | 'source-empty'
      | 'shutdown';
  };
  /** A decision between legacy and SPIFFE credentials. */
  'svidkit:migration.decision': {
    readonly side: 'client' | 'server';
    readonly kind: 'spiffe' | 'legacy';
    readonly mode: string;
    readonly result: 'accepted' | 'rejected';
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
  'svidkit:peer.accepted': channel('svidkit:peer.accepted'),
  'svidkit:peer.rejected': channel('svidkit:peer.rejected'),
  'svidkit:request.rejected': channel('svidkit:request.rejected'),
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
