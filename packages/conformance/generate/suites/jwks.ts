import { type JsonObject } from '../../src/json.ts';
import { choice, type Draft, ok, reject } from '../draft.ts';
import { TD } from '../pki/world.ts';
import { type SuiteDraft } from '../render.ts';
import { SPEC } from '../spec-quotes.ts';
import { documentOf, jwt, JWT_KEY, jwtAnswer } from './bundle-json-case.ts';

/** Rows 183 and 184 of the catalogue: the JWK Sets of the Workload API. */
export function jwksSuite(): SuiteDraft {
  const read = (
    row: number,
    id: string,
    title: string,
    keys: readonly JsonObject[],
    found: Parameters<typeof jwtAnswer>[0],
  ): Draft => ({
    row,
    id,
    title,
    level: 'must',
    spec: [SPEC.workloadJwks],
    op: 'jwks.parse',
    params: { trustDomain: TD, json: documentOf(keys) },
    expect: ok({ trustDomain: TD, jwt: jwtAnswer(found) }),
  });
  const found = [['a', JWT_KEY]] as const;
  const noUse = jwt('a', JWT_KEY, { use: undefined });
  return {
    suite: 'jwks',
    drafts: [
      read(183, 'accept/use', 'a key that says it is for JWT-SVIDs', [jwt('a')], found),
      {
        ...read(183, 'choice/no-use', 'a key that does not say what it is for', [noUse], found),
        level: 'choice',
        spec: [SPEC.workloadJwks, SPEC.bundleUse],
        why: 'the Workload API of SPIRE does not say it',
        control: 'accept/use',
        expect: choice({
          accepted: ok({ trustDomain: TD, jwt: jwtAnswer(found) }),
          ignored: ok({ trustDomain: TD, jwt: [] }),
          refused: reject('bundle.keys', 'bundle.malformed'),
        }),
      },
      {
        ...read(
          184,
          'choice/other-use',
          'a key for X.509-SVIDs among those of the Workload API',
          [jwt('x', JWT_KEY, { use: 'x509-svid' }), jwt('a')],
          found,
        ),
        level: 'choice',
        // It binds the server, and says nothing of who asks it.
        spec: [SPEC.workloadJwks, SPEC.bundleUse],
        control: 'accept/use',
        expect: choice({
          ignored: ok({ trustDomain: TD, jwt: jwtAnswer(found) }),
          taken: ok({ trustDomain: TD, jwt: jwtAnswer([...found, ['x', JWT_KEY]]) }),
          refused: reject('bundle.keys', 'bundle.malformed'),
        }),
      },
    ],
  };
}
