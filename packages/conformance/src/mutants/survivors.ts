/** Cases that no mutant fails, and why that is so. At most one in twenty. */
export const SURVIVORS: Readonly<Record<string, string>> = {};
