import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readMessage } from '../src/protocol/read-message.ts';
import { schemaValidator } from './schema-validator.ts';

const GOOD = [
  { id: 1, ok: {} },
  { id: 1, ok: { id: 'x' }, more: true },
  { id: 1, reject: { code: 'unknown' } },
  { id: 1, reject: { code: 'unknown', message: 'm', more: 1 } },
  { id: 1, unsupported: { reason: 'r', issue: 'https://issues.example/1' } },
  { id: 1, fault: { message: 'm', trace: 't' } },
  { event: 'source.update', handle: 's1' },
  { event: 'source.end', handle: 's1', data: {} },
  { event: 'server.rejected', handle: 'v1', data: { code: 'authz.denied' } },
];
const BAD = [
  {},
  { id: 1 },
  { id: '1', ok: {} },
  { id: 1.5, ok: {} },
  { id: null, ok: {} },
  { ok: {} },
  { id: 1, ok: null },
  { id: 1, ok: [] },
  { id: 1, ok: 'yes' },
  { id: 1, ok: {}, reject: { code: 'x' } },
  { id: 1, fault: { message: 'm' }, unsupported: { reason: 'r' } },
  { id: 1, reject: {} },
  { id: 1, reject: { code: 7 } },
  { id: 1, reject: { code: 'x', message: 7 } },
  { id: 1, unsupported: { reason: null } },
  { id: 1, unsupported: { reason: 'r', issue: 1 } },
  { id: 1, fault: {} },
  { id: 1, fault: { message: 'm', trace: [] } },
  { event: 'source.update' },
  { event: 'source.update', handle: 1 },
  { event: 'source.explode', handle: 's1' },
  { event: 'source.update', handle: 's1', data: 'x' },
];

describe('a line of an adapter', () => {
  test.each(GOOD.map((message) => [JSON.stringify(message), message] as const))(
    '%s is a message, as its schema says',
    (line, message) => {
      expect(['answer', 'event']).toContain(readMessage(Buffer.from(line)).kind);
      expect(isOfSchema(message)).toBe(true);
    },
  );

  test.each(BAD.map((message) => [JSON.stringify(message), message] as const))(
    '%s is none, as its schema says',
    (line, message) => {
      expect(readMessage(Buffer.from(line)).kind).toBe('broken');
      expect(isOfSchema(message)).toBe(false);
    },
  );

  test.each(['', 'INFO started', '[1]', 'null', ' {"id":1,"ok":{}}', '\ufeff{"id":1,"ok":{}}'])(
    '%j is noise',
    (line) => {
      expect(readMessage(Buffer.from(line)).kind).toBe('noise');
    },
  );

  test('that names __proto__ or comes from it has no such members', () => {
    expect(readMessage(Buffer.from('{"__proto__":{"ok":{}},"id":1}')).kind).toBe('broken');
    expect(readMessage(Buffer.from('{"id":1,"reject":{"__proto__":{"code":"x"}}}')).kind).toBe('broken');
  });

  test('that is nested as deep as a line is long is read without falling over', () => {
    const deep = `{"id":1,"ok":{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}}`;
    expect(readMessage(Buffer.from(deep)).kind).toBe('answer');
  });

  test('is read, whatever bytes are on it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isMessage) => {
        const line = Buffer.concat([Buffer.from(isMessage ? '{' : ''), bytes]);
        expect(['answer', 'event', 'noise', 'broken']).toContain(readMessage(line).kind);
      }),
    );
  });

  test('is a message exactly when its schema says so', () => {
    const value = fc.oneof(
      fc.object({ maxDepth: 1 }),
      fc.string(),
      fc.integer(),
      fc.constant(null),
      fc.array(fc.integer()),
    );
    const body = fc.dictionary(fc.constantFrom('code', 'message', 'reason', 'issue', 'trace', 'x'), value);
    const message = fc.record(
      {
        id: fc.oneof(fc.nat(), fc.string()),
        ok: fc.oneof(body, value),
        reject: fc.oneof(body, value),
        unsupported: body,
        fault: body,
        event: fc.constantFrom('source.update', 'source.error', 'other'),
        handle: fc.oneof(fc.string(), fc.nat()),
        data: fc.oneof(body, fc.nat()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(message, (one) => {
        const { kind } = readMessage(Buffer.from(JSON.stringify(one)));
        expect(kind === 'answer' || kind === 'event').toBe(
          isOfSchema(JSON.parse(JSON.stringify(one)) as object),
        );
      }),
      { numRuns: 2000 },
    );
  });
});

const validate = {
  answer: schemaValidator('protocol', 'answer'),
  event: schemaValidator('protocol', 'event'),
};

function isOfSchema(message: object): boolean {
  return validate[Object.hasOwn(message, 'id') ? 'answer' : 'event'](message);
}
