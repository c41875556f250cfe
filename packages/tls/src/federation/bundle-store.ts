/** A bundle as it was kept. */
export interface StoredBundle {
  /** A bundle map with the one bundle, as `formatBundleMap` writes it, so that it says whose it is. */
  readonly document: string | Uint8Array;
  /** When it was kept, in milliseconds since the Unix epoch. */
  readonly savedAt: number;
}

/** Where the latest bundle of one trust domain outlives the process. */
export interface BundleStore {
  /** What is kept; undefined: nothing. */
  load(): Promise<StoredBundle | undefined>;
  /** Keeps `document` in place of what was kept before, whole or not at all. */
  save(document: string): Promise<void>;
  /** Keeps nothing any more. */
  remove(): Promise<void>;
}
