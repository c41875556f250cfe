const SHOWN = 5;

/** Reasons for a message that stays short however many there are: the first five, and how many more. */
export function firstReasons(reasons: readonly string[]): string {
  const rest = reasons.length - SHOWN;
  return `${reasons.slice(0, SHOWN).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}
