import { type BundleSet } from './bundle-set.ts';
import { type Clock, systemClock } from './clock.ts';
import { SpiffeError } from './errors.ts';
import { kindOf } from './quote.ts';
import { SourceCell } from './source-cell.ts';
import { healthAt } from './source-health.ts';
import { type X509Context, type X509Source } from './source.ts';
import { type X509Svid } from './x509-svid.ts';

/** What {@link staticX509Source} holds. */
export interface StaticSourceOptions {
  /** Our own identity. */
  readonly svid: X509Svid;
  /** Whom to trust. */
  readonly bundles: BundleSet;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** A source whose content the caller provides, and replaces. */
export interface StaticX509Source extends X509Source {
  /**
   * Makes the next generation.
   *
   * @throws {@link SpiffeError} `ERR_SVID_EXPIRED` (the generation in use stays), `ERR_SOURCE_CLOSED`,
   * `ERR_CONFIG_OPTION`.
   */
  update(svid: X509Svid, bundles: BundleSet): X509Context;
}

/**
 * A source over an SVID and bundles that are at hand: for tests, for tools, and where something else obtains them.
 * It watches nothing; give it what is new with `update`. Like every source it never hands out an expired SVID.
 *
 * @throws {@link SpiffeError} `ERR_SVID_EXPIRED`, `ERR_CONFIG_OPTION`.
 */
export function staticX509Source(options: StaticSourceOptions): StaticX509Source {
  const { clock = systemClock } = options;
  const cell: SourceCell = new SourceCell({ source: () => source, clock });
  const source: StaticX509Source = Object.freeze({
    get current() {
      return cell.current;
    },
    closed: cell.closed,
    onUpdate: (listener: (context: X509Context | undefined) => void) => cell.onUpdate(listener),
    health: () => healthAt(cell.latest, cell.failure, clock.now()),
    update: (svid: X509Svid, bundles: BundleSet) => cell.publish(requireMaterial(svid, bundles), 'update'),
    close: async () => cell.close(),
    [Symbol.asyncDispose]: async () => cell.close(),
  });
  cell.publish(requireMaterial(options.svid, options.bundles), 'first load');
  return source;
}

// By shape and not by class, so that the objects of another copy of this package serve as well.
function requireMaterial(svid: X509Svid, bundles: BundleSet): Pick<X509Context, 'svid' | 'bundles'> {
  const given: { readonly svid?: Partial<X509Svid>; readonly bundles?: Partial<BundleSet> } = {
    svid,
    bundles,
  };
  if (!Number.isFinite(given.svid?.expiresAt)) throw badOption('svid', 'an X509Svid', svid);
  if (typeof given.bundles?.require !== 'function') throw badOption('bundles', 'a BundleSet', bundles);
  return { svid, bundles };
}

function badOption(name: string, wanted: string, value: unknown): SpiffeError {
  return new SpiffeError('ERR_CONFIG_OPTION', `the option ${name} wants ${wanted}, got ${kindOf(value)}`);
}
