import { Buffer } from 'node:buffer';

import { SpiffeError } from '@svidkit/core';

/** One element of a DER encoding; `whole` and `contents` are views, not copies. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  readonly whole: Uint8Array;
}

/** Reads the element that starts at `offset` of what this kit itself encoded. */
export function readDer(bytes: Uint8Array, offset = 0): DerElement {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw truncated();
  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    start += first - 0x80;
    length = 0;
    for (const byte of bytes.subarray(offset + 2, start)) length = length * 256 + byte;
  }
  if (start + length > bytes.length) throw truncated();
  return {
    tag,
    contents: bytes.subarray(start, start + length),
    whole: bytes.subarray(offset, start + length),
  };
}

/** The elements inside `contents`, in order. */
export function derChildren(contents: Uint8Array): DerElement[] {
  const children: DerElement[] = [];
  for (let offset = 0; offset < contents.length;) {
    const child = readDer(contents, offset);
    children.push(child);
    offset += child.whole.length;
  }
  return children;
}

/** Encodes one element from its tag and the parts of its contents. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...encodedLength(contents.length)]), contents]);
}

function encodedLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function truncated(): SpiffeError {
  return new SpiffeError(
    'ERR_SVID_CERTIFICATE_INVALID',
    'want a DER element, got fewer bytes than its length',
  );
}
