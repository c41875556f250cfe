import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';

import { describe, expect, expectTypeOf, test } from 'vitest';

import { type Blame, ERROR_CODES, isSpiffeError, SpiffeError, type SpiffeErrorCode } from '../src/errors.ts';

const SECRET = 'MARKED-KEY-BYTES';
const error = new SpiffeError('ERR_SVID_KEY_INVALID', 'want one private key, got none', {
  cause: new Error(SECRET),
  hint: 'Look at the file.',
  file: '/run/svid/tls.key',
});

describe('SpiffeError', () => {
  test('is an Error with a code, and who must act by the code unless told otherwise', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('SpiffeError');
    expect(error.blame).toBe('environment');
    expect(new SpiffeError('ERR_PEER_UNAUTHORIZED', 'x', { blame: 'caller' }).blame).toBe('caller');
    for (const [code, blame] of Object.entries(ERROR_CODES)) {
      expect(new SpiffeError(code as SpiffeErrorCode, 'x').blame).toBe(blame);
    }
  });

  test('has in its JSON no cause and no stack, and shows nothing of the cause', () => {
    const text = JSON.stringify(error);
    expect(JSON.parse(text)).toEqual({
      name: 'SpiffeError',
      code: 'ERR_SVID_KEY_INVALID',
      message: 'want one private key, got none',
      blame: 'environment',
      hint: 'Look at the file.',
      file: '/run/svid/tls.key',
    });
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain('errors.test');
    // The positive twin: the cause is there for those who ask for it.
    expect(error.cause).toMatchObject({ message: SECRET });
    expect(inspect(error)).toContain(SECRET);
  });

  test('has in its JSON also no cause and no stack when it is nested in something else', () => {
    const outer = new SpiffeError('ERR_SOURCE_EMPTY', 'x', { cause: error });
    expect(JSON.stringify({ errors: [outer], inner: { error } })).not.toContain(SECRET);
    expect(Object.keys(outer.toJSON())).toEqual(['name', 'code', 'message', 'blame', 'hint', 'file', 'peer']);
  });

  test('its type has the codes of the table and no others', () => {
    expectTypeOf<SpiffeError['code']>().toEqualTypeOf<keyof typeof ERROR_CODES>();
    expectTypeOf<SpiffeError['blame']>().toEqualTypeOf<Blame>();
    expectTypeOf<'ERR_NO_SUCH_CODE'>().not.toExtend<SpiffeErrorCode>();
    // @ts-expect-error a code that is not in the table does not compile
    expect(new SpiffeError('ERR_NO_SUCH_CODE', 'x').blame).toBeUndefined();
  });

  test('without a cause there is none, not even an undefined one', () => {
    expect(Object.hasOwn(new SpiffeError('ERR_ID_INVALID', 'x'), 'cause')).toBe(false);
    expect(Object.hasOwn(new SpiffeError('ERR_ID_INVALID', 'x', { cause: undefined }), 'cause')).toBe(true);
  });
});

describe('isSpiffeError', () => {
  test('recognises errors of another copy of the package, and so does instanceof', () => {
    const foreign: unknown = runInNewContext(
      "Object.assign(new Error('x'), { code: 'ERR_ID_INVALID', [Symbol.for('@svidkit/error')]: true })",
    );
    expect(isSpiffeError(foreign)).toBe(true);
    expect(foreign instanceof SpiffeError).toBe(true);
    expect(isSpiffeError(error)).toBe(true);
  });

  test.each([undefined, null, 'ERR_ID_INVALID', 1, new Error('x'), { code: 'ERR_ID_INVALID' }, () => true])(
    'does not take %o for one',
    (value) => {
      expect(isSpiffeError(value)).toBe(false);
    },
  );
});
