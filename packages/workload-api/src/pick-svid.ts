import { isSpiffeError, SpiffeError, SpiffeId, type X509Svid } from '@svidkit/core';

/**
 * Which identity to use where the Workload API gives several: by the name that its operator gave it, by its SPIFFE ID,
 * or by a function that gets all of them, the default one first, and gives `undefined` when none will do. With
 * `otherwise: 'first'` the default identity stands in for a hint that is not there.
 */
export type PickSvid =
  | { readonly hint: string; readonly otherwise?: 'none' | 'first' }
  | { readonly id: SpiffeId | string }
  | ((svids: readonly X509Svid[]) => X509Svid | undefined);

/** {@link PickSvid}, checked. */
export interface SvidPicker {
  /** What it takes, for messages. */
  readonly wanted: string;
  /** @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when the function of the option throws. */
  pick(svids: readonly X509Svid[]): X509Svid | undefined;
}

/**
 * Checks the option. Without it, the default identity counts, which is the first (Workload API 8).
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION`, `ERR_ID_INVALID`, `ERR_ID_TOO_LONG`.
 */
export function svidPicker(option: PickSvid | undefined): SvidPicker {
  if (option === undefined) return { wanted: 'an identity', pick: ([first]) => first };
  if (typeof option === 'function') {
    return { wanted: 'an identity that option pick takes', pick: (svids) => callPicker(option, svids) };
  }
  if (typeof option !== 'object' || option === null) throw badOption(String(option));
  if ('id' in option) {
    const id = SpiffeId.parse(String(option.id));
    return { wanted: id.toString(), pick: (svids) => svids.find((svid) => svid.id.equals(id)) };
  }
  const { hint, otherwise = 'none' } = option;
  if (typeof hint !== 'string' || hint === '') throw badOption('no hint');
  if (otherwise !== 'none' && otherwise !== 'first') throw badOption(`otherwise: ${String(otherwise)}`);
  return {
    wanted: `an identity with hint ${JSON.stringify(hint)}`,
    pick: (svids) =>
      svids.find((svid) => svid.hint === hint) ?? (otherwise === 'first' ? svids[0] : undefined),
  };
}

function callPicker(
  option: (svids: readonly X509Svid[]) => X509Svid | undefined,
  svids: readonly X509Svid[],
): X509Svid | undefined {
  let picked: unknown;
  try {
    picked = option(svids);
  } catch (cause) {
    if (isSpiffeError(cause)) throw cause;
    throw new SpiffeError('ERR_CONFIG_OPTION', 'the function given as option pick threw', { cause });
  }
  if (picked === undefined) return undefined;
  const found = svids.find((svid) => svid === picked);
  if (found !== undefined) return found;
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    'want one of the SVIDs it was given, or undefined, from the function of option pick, got something else',
  );
}

function badOption(got: string): SpiffeError {
  return new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want { hint }, { id } or a function as option pick, got ${got}`,
    { hint: 'See the documentation of the option for what it takes.' },
  );
}
