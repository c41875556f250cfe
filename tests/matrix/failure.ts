import { type Client } from './transport.ts';

/** How often to ask for nothing before it is clear that nothing changes. */
const ENOUGH = 2_000;

/** The codes and messages of a failure and of all its causes. */
export function tell(failure: unknown): string {
  const parts: string[] = [];
  for (let at = failure; at instanceof Error; at = at.cause) {
    if ('code' in at) parts.push(String(at.code));
    parts.push(at.message);
    if (at instanceof AggregateError) parts.push(...at.errors.map(tell));
  }
  return parts.join('; ');
}

/** Asks once, for nothing. Gives why. */
export async function refusal(client: Client): Promise<Error> {
  const outcome: unknown = await client.ask().then(
    (answer) => answer,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new TypeError(`want a failure, got ${JSON.stringify(outcome)}`);
}

/** Asks again and again for nothing, until the reason is as wanted: what was connected before may end first. */
export async function refusedUntil(client: Client, isWanted: (reason: string) => boolean): Promise<void> {
  let reason = '';
  for (let attempts = 0; attempts < ENOUGH; attempts += 1) {
    reason = tell(await refusal(client));
    if (isWanted(reason)) return;
    await new Promise(setImmediate);
  }
  throw new Error(`want another failure, got ${reason}`);
}

/** Asks for nothing until nobody listens any more. */
export async function untilNobodyListens(client: Client): Promise<void> {
  await refusedUntil(client, (reason) => reason.includes('ECONNREFUSED'));
}
