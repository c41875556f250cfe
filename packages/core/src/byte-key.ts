/**
 * Bytes as a string of as many characters, so that they can be the key of a map.
 *
 * @internal
 */
export function byteKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
