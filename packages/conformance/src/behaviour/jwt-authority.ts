import { createTestJwtAuthority, type TestJwtAuthority } from '@svidkit/testkit';

/** A signer of JWT-SVIDs. Its times are whole seconds, as agents write them: a token lives up to a second less. */
export function jwtAuthority(trustDomain: string, keyId = 'first'): TestJwtAuthority {
  return createTestJwtAuthority({ trustDomain, keyId, now: wholeSecond });
}

/** The second that has begun, in milliseconds. */
function wholeSecond(): number {
  return Math.floor(Date.now() / 1000) * 1000;
}
