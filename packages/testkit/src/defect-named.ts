import { SpiffeError } from '@svidkit/core';

/**
 * What `table` has for the defect `name`, which may come from plain JavaScript.
 *
 * @throws {@link SpiffeError} `ERR_CONFIG_OPTION` when there is no such defect.
 */
export function defectNamed<Value>(table: Readonly<Record<string, Value>>, name: string): Value {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value !== undefined) return value;
  const names = Object.keys(table).toSorted().join(', ');
  throw new SpiffeError(
    'ERR_CONFIG_OPTION',
    `want one of the known defects in option defects, got "${name}"`,
    {
      hint: `Known are: ${names}.`,
    },
  );
}
