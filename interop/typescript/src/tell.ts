import { type JsonObject } from './params.ts';

/** Writes one message. */
export function tell(message: JsonObject): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
