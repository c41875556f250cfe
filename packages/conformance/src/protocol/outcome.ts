import { type Json, type JsonObject } from '../json.ts';

/** What an adapter answered: the library's own verdict, in one of four words. */
export type Answer =
  | { readonly kind: 'ok'; readonly value: JsonObject }
  | { readonly kind: 'reject'; readonly code: string; readonly message?: string }
  | { readonly kind: 'unsupported'; readonly reason: string; readonly issue?: string }
  | { readonly kind: 'fault'; readonly message: string; readonly trace?: string };

/** How a call ended: with an answer, or without one. */
export type Outcome =
  | Answer
  | { readonly kind: 'timeout'; readonly detail: string }
  /** The process ended during the call. */
  | { readonly kind: 'crash'; readonly detail: string }
  /** The adapter said what the protocol does not allow. */
  | { readonly kind: 'protocol'; readonly detail: string }
  /** Its answer holds a part of a private key that it was given. */
  | { readonly kind: 'leak'; readonly detail: string };

/** What a case came to: the outcome of a call, or what was seen when it was played. */
export type Result =
  | Outcome
  /** The script saw what it must not have seen. */
  | { readonly kind: 'observed'; readonly detail: string }
  /** It cannot be played on this machine. */
  | { readonly kind: 'impossible'; readonly detail: string }
  /** The kit failed, not the adapter. */
  | { readonly kind: 'kit'; readonly detail: string };

/**
 * An outcome in one word, and for a rejection its code: what a list of known failures compares.
 *
 * @returns `ok`, `reject:x509.expired`, `unsupported`, `fault`, `timeout`, `crash`, `protocol`, `leak` or `observed`.
 */
export function fingerprint(outcome: Result): string {
  return outcome.kind === 'reject' ? `reject:${outcome.code}` : outcome.kind;
}

/** The outcome as reports show it, in the form that the protocol gives answers. */
export function outcomeJson(outcome: Result): Json {
  if ('detail' in outcome) return { [outcome.kind]: outcome.detail };
  if (outcome.kind === 'ok') return { ok: outcome.value };
  const { kind, ...body } = outcome;
  return { [kind]: Object.fromEntries(Object.entries(body)) };
}
