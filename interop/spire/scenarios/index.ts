import { type Scenario } from '../scenario.ts';
import { agentCut } from './agent-cut.ts';
import { agentHangs } from './agent-hangs.ts';
import { agentNeverAttested } from './agent-never-attested.ts';
import { agentRestart, agentRestarts } from './agent-restart.ts';
import { agentWithoutServer } from './agent-without-server.ts';
import { attestation } from './attestation.ts';
import { caRotation } from './ca-rotation.ts';
import { entryDeleted } from './entry-deleted.ts';
import { federation } from './federation.ts';
import { goSpiffe } from './go-spiffe.ts';
import { hints } from './hints.ts';
import { jwtValidation } from './jwt-validation.ts';
import { jwt } from './jwt.ts';
import { localUsers } from './local-users.ts';
import { ownBundleEndpoint } from './own-bundle-endpoint.ts';
import { ownFederation } from './own-federation.ts';
import { rotation } from './rotation.ts';
import { serverDown } from './server-down.ts';
import { socketVanishes } from './socket-vanishes.ts';
import { sourceSwap } from './source-swap.ts';
import { spiffeHelperRestart } from './spiffe-helper-restart.ts';
import { tpmDevid } from './tpm-devid.ts';
import { upstreamAuthority } from './upstream-authority.ts';

/** All of them, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  ...(['Workload API', 'spiffe-helper'] as const).flatMap((via) => [
    attestation(via),
    rotation(via),
    agentRestart(via),
    serverDown(via),
    entryDeleted(via),
    caRotation(via),
    upstreamAuthority(via),
    federation('https_spiffe', via),
    federation('https_web', via),
    goSpiffe('https', via),
    goSpiffe('grpc', via),
    jwt(via),
    agentRestarts(via),
  ]),
  localUsers,
  hints,
  jwtValidation,
  agentNeverAttested,
  agentWithoutServer,
  agentHangs,
  agentCut,
  socketVanishes,
  ownFederation('https_spiffe'),
  ownFederation('https_web'),
  ownBundleEndpoint,
  spiffeHelperRestart,
  sourceSwap,
  tpmDevid('Workload API'),
];

/** Those that take seconds each. */
export const QUICK: ReadonlySet<string> = new Set([
  'agent-never-attested',
  'attestation',
  'entry-deleted',
  'go-spiffe-grpc',
  'go-spiffe-https',
  'hints',
  'jwt',
  'local-users',
  'own-bundle-endpoint',
  'socket-vanishes',
  'tpm-devid',
]);
