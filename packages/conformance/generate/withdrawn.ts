import { type Withdrawal } from './case-changelog.ts';

/** Cases that were published and are not asked any more, by id. A case that takes the place of one says so (`supersedes`). */
export const WITHDRAWN: Readonly<Record<string, Withdrawal>> = {};
