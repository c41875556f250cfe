import { isObject, type Json, type JsonObject, member, parseJson } from '../json.ts';
import { type Answer } from './outcome.ts';

/** What an adapter tells unasked about something that it has open. */
export interface AdapterEvent {
  readonly kind: 'event';
  readonly event: string;
  readonly handle: string;
  readonly data: JsonObject;
}

/** A line that an adapter wrote, read. */
export type Message =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | AdapterEvent
  /** No message, but something a library printed. */
  | { readonly kind: 'noise'; readonly text: string }
  /** A message that breaks the protocol; `detail` follows "the adapter". */
  | { readonly kind: 'broken'; readonly detail: string };

const EVENTS: ReadonlySet<string> = new Set([
  'source.update',
  'source.error',
  'source.end',
  'server.rejected',
]);
const VERDICTS = ['ok', 'reject', 'unsupported', 'fault'] as const;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads one line of an adapter, which can hold anything: a line that does not begin with `{` is noise, one that does
 * has to be a message of protocol 1. Members that nobody knows are passed over.
 */
export function readMessage(line: Buffer): Message {
  if (line[0] !== 0x7b) return { kind: 'noise', text: line.subarray(0, 400).toString('latin1') };
  let text: string;
  try {
    text = utf8.decode(line);
  } catch {
    return broken('wrote a line that is not UTF-8');
  }
  let value: Json;
  try {
    value = parseJson(text);
  } catch {
    return broken(`wrote a line that begins like a message and is not JSON: ${show(text)}`);
  }
  if (!isObject(value)) return broken('wrote a line that is no JSON object');
  return Object.hasOwn(value, 'id') ? readAnswer(value, text) : readEvent(value, text);
}

function readAnswer(message: JsonObject, text: string): Message {
  const id = member(message, 'id');
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
    return broken(`wrote an answer whose id is no integer: ${show(text)}`);
  }
  const given = VERDICTS.filter((verdict) => Object.hasOwn(message, verdict));
  const [verdict] = given;
  if (verdict === undefined) {
    return broken(`answered call ${id} with none of ok, reject, unsupported and fault: ${show(text)}`);
  }
  if (given.length > 1) return broken(`answered call ${id} with ${given.join(' and ')} at once`);
  const body = member(message, verdict);
  if (!isObject(body)) return broken(`answered call ${id} with "${verdict}" that is no object`);
  const answer = readVerdict(verdict, body);
  return typeof answer === 'string'
    ? broken(`answered call ${id} with "${verdict}" ${answer}`)
    : { kind: 'answer', id, answer };
}

/** The answer, or what is wrong with it. */
function readVerdict(verdict: (typeof VERDICTS)[number], body: JsonObject): Answer | string {
  if (verdict === 'ok') return { kind: 'ok', value: body };
  const required = { reject: 'code', unsupported: 'reason', fault: 'message' }[verdict];
  const optional = { reject: 'message', unsupported: 'issue', fault: 'trace' }[verdict];
  const first = member(body, required);
  if (typeof first !== 'string') return `whose ${required} is no string`;
  const second = member(body, optional);
  if (second !== undefined && typeof second !== 'string') return `whose ${optional} is no string`;
  if (verdict === 'reject') {
    return { kind: verdict, code: first, ...(second === undefined ? {} : { message: second }) };
  }
  return verdict === 'unsupported'
    ? { kind: verdict, reason: first, ...(second === undefined ? {} : { issue: second }) }
    : { kind: verdict, message: first, ...(second === undefined ? {} : { trace: second }) };
}

function readEvent(message: JsonObject, text: string): Message {
  const event = member(message, 'event');
  if (event === undefined) return broken(`wrote a message with neither an id nor an event: ${show(text)}`);
  if (typeof event !== 'string' || !EVENTS.has(event)) {
    return broken(`wrote an event that protocol 1 does not have: ${show(text)}`);
  }
  const handle = member(message, 'handle');
  if (typeof handle !== 'string') return broken(`wrote the event ${event} without a handle`);
  const data = member(message, 'data');
  if (data !== undefined && !isObject(data))
    return broken(`wrote the event ${event} with data that is no object`);
  return { kind: 'event', event, handle, data: data ?? {} };
}

function broken(detail: string): Message {
  return { kind: 'broken', detail };
}

function show(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}...` : text);
}
