import { type VectorFile } from '../vectors/vector.ts';
import { type BehaviourDraft, behaviourCase } from './behaviour-case.ts';
import { federationServeDrafts } from './suites/federation-serve.ts';
import { federationWatchDrafts } from './suites/federation-watch.ts';
import { federationDrafts } from './suites/federation.ts';
import { migrationDrafts } from './suites/migration.ts';
import { mountDocumentDrafts } from './suites/mount-documents.ts';
import { mountLayoutDrafts } from './suites/mount-layout.ts';
import { mountStartDrafts } from './suites/mount-start.ts';
import { mtlsClientPoolDrafts } from './suites/mtls-client-pool.ts';
import { mtlsClientRedirectDrafts } from './suites/mtls-client-redirect.ts';
import { mtlsClientWebDrafts } from './suites/mtls-client-web.ts';
import { mtlsClientDrafts } from './suites/mtls-client.ts';
import { mtlsServerGrpcDrafts } from './suites/mtls-server-grpc.ts';
import { mtlsServerRotationDrafts } from './suites/mtls-server-rotation.ts';
import { mtlsServerStrangerDrafts } from './suites/mtls-server-strangers.ts';
import { mtlsServerDrafts } from './suites/mtls-server.ts';
import { rotationBundleDrafts } from './suites/rotation-bundle.ts';
import { rotationDocumentDrafts } from './suites/rotation-documents.ts';
import { rotationLifeDrafts } from './suites/rotation-life.ts';
import { rotationParkedDrafts } from './suites/rotation-parked.ts';
import { rotationDrafts } from './suites/rotation.ts';
import { witClientDrafts } from './suites/wit-client.ts';
import { workloadApiBadDrafts } from './suites/workload-api-bad.ts';
import { workloadApiEndpointDrafts } from './suites/workload-api-endpoint.ts';
import { workloadApiErrorDrafts } from './suites/workload-api-errors.ts';
import { workloadApiJwtDrafts } from './suites/workload-api-jwt.ts';
import { workloadApiStreamDrafts } from './suites/workload-api-streams.ts';
import { workloadApiDrafts } from './suites/workload-api.ts';

const SPEC = {
  repo: 'https://github.com/spiffe/spiffe',
  commit: '665a28f3253ecdce59f26f3ef29c0d6408b37c3d',
};

/** The suites that are played, in the order in which they run. */
export function behaviourSuites(): readonly VectorFile[] {
  return [
    suite('mount-layout', [...mountLayoutDrafts(), ...mountDocumentDrafts(), ...mountStartDrafts()]),
    suite('rotation', [
      ...rotationDrafts(),
      ...rotationParkedDrafts(),
      ...rotationBundleDrafts(),
      ...rotationDocumentDrafts(),
      ...rotationLifeDrafts(),
    ]),
    suite('mtls-server', [
      ...mtlsServerDrafts(),
      ...mtlsServerRotationDrafts(),
      ...mtlsServerStrangerDrafts(),
      ...mtlsServerGrpcDrafts(),
    ]),
    suite('mtls-client', [
      ...mtlsClientDrafts(),
      ...mtlsClientWebDrafts(),
      ...mtlsClientPoolDrafts(),
      ...mtlsClientRedirectDrafts(),
    ]),
    suite('migration', migrationDrafts()),
    suite('federation', [...federationDrafts(), ...federationWatchDrafts(), ...federationServeDrafts()]),
    suite('workload-api', [
      ...workloadApiDrafts(),
      ...workloadApiBadDrafts(),
      ...workloadApiJwtDrafts(),
      ...workloadApiEndpointDrafts(),
      ...workloadApiStreamDrafts(),
      ...workloadApiErrorDrafts(),
    ]),
    suite('wit-client', witClientDrafts()),
  ];
}

function suite(name: string, drafts: readonly BehaviourDraft[]): VectorFile {
  return {
    format: 1,
    kit: '0.1.0',
    suite: name,
    spec: SPEC,
    cases: drafts.map((draft) => behaviourCase(name, draft)).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
