const LOWER = 'abcdefghijklmnopqrstuvwxyz';

/** SPIFFE-ID 2.1: what a trust domain may consist of. */
export const TRUST_DOMAIN_CHARACTERS: ReadonlySet<string> = new Set(`${LOWER}0123456789.-_`);

/** SPIFFE-ID 2.2: what a path segment may consist of. */
export const SEGMENT_CHARACTERS: ReadonlySet<string> = new Set(`${LOWER}${LOWER.toUpperCase()}0123456789.-_`);

/** All 256 bytes, as characters. */
export const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
