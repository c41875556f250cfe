import { type TestWitEntry } from '@svidkit/testkit';

import { field, mapField } from './protobuf.ts';

/** `WITSVIDResponse`. Fields that are empty are left out, as the wire has it. */
export function witMessage(...entries: readonly TestWitEntry[]): Buffer {
  return Buffer.concat(
    entries.map(({ spiffeId, witSvid, witSvidKey, hint }) => {
      const fields = [spiffeId, witSvid, witSvidKey, hint];
      return field(
        1,
        Buffer.concat(fields.map((text, index) => (text === '' ? Buffer.alloc(0) : field(index + 1, text)))),
      );
    }),
  );
}

/** `WITBundlesResponse`, with the text of JWK Sets by trust domain. */
export function witBundlesMessage(sets: Readonly<Record<string, string>>): Buffer {
  return mapField(
    1,
    Object.fromEntries(Object.entries(sets).map(([name, set]) => [`spiffe://${name}`, Buffer.from(set)])),
  );
}
