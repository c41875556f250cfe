import { type JsonObject } from './params.ts';
import { output } from './wire.ts';

/** Writes one message. */
export function tell(message: JsonObject): void {
  output.write(`${JSON.stringify(message)}\n`);
}
