import { type Scenario } from '../scenario.ts';
import { agentRestart, agentRestarts } from './agent-restart.ts';
import { attestation } from './attestation.ts';
import { caRotation } from './ca-rotation.ts';
import { entryDeleted } from './entry-deleted.ts';
import { federation } from './federation.ts';
import { goSpiffe } from './go-spiffe.ts';
import { rotation } from './rotation.ts';
import { serverDown } from './server-down.ts';
import { spiffeHelperRestart } from './spiffe-helper-restart.ts';
import { tpmDevid } from './tpm-devid.ts';
import { upstreamAuthority } from './upstream-authority.ts';

/** All of them, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  attestation('spiffe-helper'),
  rotation('spiffe-helper'),
  agentRestart('spiffe-helper'),
  serverDown('spiffe-helper'),
  entryDeleted('spiffe-helper'),
  caRotation('spiffe-helper'),
  upstreamAuthority('spiffe-helper'),
  federation('https_spiffe', 'spiffe-helper'),
  federation('https_web', 'spiffe-helper'),
  spiffeHelperRestart,
  goSpiffe('https', 'spiffe-helper'),
  goSpiffe('grpc', 'spiffe-helper'),
  tpmDevid('spiffe-helper'),
  agentRestarts('spiffe-helper'),
];
