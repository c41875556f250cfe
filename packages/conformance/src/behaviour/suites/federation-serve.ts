import { request } from 'node:https';
import { TLSSocket } from 'node:tls';

import { type TestBundle } from '@svidkit/testkit';

import { isObject, type Json, member, parseJson } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { documentOf } from '../bundle-document.ts';
import { observed, want, wantSame } from '../ended.ts';
import { FEDERATION } from '../federation-spec.ts';
import { presentedBy, sha256 } from '../fingerprints.ts';
import { leafOf } from '../source-under-test.ts';
import { type World } from '../world.ts';

/** The port serves a bundle, the kit asks. */
export function federationServeDrafts(): readonly BehaviourDraft[] {
  const serves = (
    slug: string,
    title: string,
    check: (world: World, served: Served, bundle: TestBundle, leaf: string) => void,
  ): BehaviourDraft => ({
    row: 373,
    id: `serve/own-bundle[what=${slug}]`,
    title,
    why: 'others believe us by what we serve',
    level: 'must',
    spec: slug === 'no-client-auth' ? FEDERATION.noClientAuth : FEDERATION.serve,
    ops: ['federation.serve', 'source.open', 'source.wait'],
    async script(world) {
      const identity = await world.pki.identity();
      const source = await world.identity(identity);
      const root = await world.pki.root();
      const json = documentOf(root, { spiffe_sequence: 3 });
      const answer = await world.call('federation.serve', {
        source: source.handle,
        trustDomain: 'a.test',
        json,
      });
      const port = member(answer, 'port');
      if (typeof port !== 'number') throw observed('federation.serve answered without a port');
      check(world, await getFrom(port), root, leafOf(identity.svid.chainDer));
    },
  });
  return [
    serves(
      'document',
      'a served bundle is a document in UTF-8 with the authorities',
      (_world, { body }, root) => {
        const document = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
        const keys = isObject(document) ? member(document, 'keys') : undefined;
        const entries: readonly Json[] = Array.isArray(keys) ? keys : [];
        wantSame(
          'the certificates of its keys',
          entries.map((entry) => (isObject(entry) ? member(entry, 'x5c') : undefined)),
          [root.authorities.map((der) => Buffer.from(der).toString('base64'))],
        );
      },
    ),
    serves('type', 'a served bundle says that it is JSON', (_world, { status, type }) => {
      wantSame('its status', status, 200);
      want(type.startsWith('application/json'), `its content type is ${type}`);
    }),
    serves(
      'no-client-auth',
      'an endpoint answers a client without a certificate, and shows its SVID',
      (_world, { status, leaf }, _root, own) => {
        wantSame('its status', status, 200);
        wantSame('the leaf that it shows', leaf, own);
      },
    ),
  ];
}

interface Served {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
  /** What the endpoint presented. */
  readonly leaf: string;
}

function getFrom(port: number): Promise<Served> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path: '/', rejectUnauthorized: false, agent: false }, (response) => {
      const { socket, statusCode = 0, headers } = response;
      const [leaf] = socket instanceof TLSSocket ? presentedBy(socket) : [];
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: statusCode,
          type: headers['content-type'] ?? '',
          body: Buffer.concat(chunks),
          leaf: leaf === undefined ? '' : sha256(leaf),
        }),
      );
    })
      .on('error', (error) => reject(observed(`the served endpoint did not answer: ${error.message}`)))
      .end();
  });
}
