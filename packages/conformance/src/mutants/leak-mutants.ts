import { type JsonObject, textMember } from '../json.ts';
import { type Call, type Mutant } from './mutant.ts';

/** Mutants that judge rightly, and show keys while they do. */
export const LEAK_MUTANTS: readonly Mutant[] = [
  says('leaks-pem', 'quotes the key that it refuses', keyText),
  says('leaks-line', 'quotes the line of the key at which it stopped', (call) => {
    const lines = keyText(call).trim().split('\n');
    return lines.find((line) => line.length > 40 && !line.startsWith('-')) ?? '';
  }),
  says('leaks-base64url', 'shows the key in the alphabet of URLs', (call) =>
    keyBytes(call).toString('base64url'),
  ),
  says('leaks-hex', 'dumps the key in hexadecimal digits', (call) =>
    [...keyBytes(call)].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
  ),
  says(
    'leaks-numbers',
    'prints the key as a list of numbers',
    (call) => `[${[...keyBytes(call)].join(', ')}]`,
  ),
  says('leaks-shifted', 'shows a piece of the key, from its middle on', (call) => {
    const bytes = keyBytes(call);
    return bytes.subarray(38, 38 + 24).toString('base64');
  }),
  {
    name: 'leaks-in-answer',
    lie: 'gives the key back with what it has read',
    answer: async (call, honest) => {
      const outcome = await honest();
      if (outcome.kind !== 'ok' || keyText(call) === '') return outcome;
      return { kind: 'ok', value: { ...outcome.value, privateKey: keyText(call) } };
    },
  },
];

/** A mutant that has more to say about what it refuses. */
function says(name: string, lie: string, more: (call: Call) => string): Mutant {
  return {
    name,
    lie,
    answer: async (call, honest) => {
      const outcome = await honest();
      if (outcome.kind !== 'reject' || keyText(call) === '') return outcome;
      return { ...outcome, message: `${outcome.message ?? ''} ${more(call)}` };
    },
  };
}

function keyText({ params }: { readonly params: JsonObject }): string {
  const swapped = textMember(params, 'cert');
  if (swapped.includes('PRIVATE KEY') && !swapped.includes('CERTIFICATE')) return swapped;
  return textMember(params, 'key') || textMember(params, 'keyB64');
}

function keyBytes(call: Call): Buffer {
  return Buffer.from(
    keyText(call)
      .replaceAll(/-----[^-]*-----/g, '')
      .replaceAll(/[^A-Za-z0-9+/]/g, ''),
    'base64',
  );
}
