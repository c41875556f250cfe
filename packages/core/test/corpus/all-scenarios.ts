import { CONSTRAINT_SCENARIOS } from './constraint-scenarios.ts';
import { BUNDLE_SCENARIOS, PEM_SCENARIOS, SVID_SCENARIOS } from './credential-scenarios.ts';
import { ENCODING_SCENARIOS } from './encoding-scenarios.ts';
import { EXTENSION_SCENARIOS } from './extension-scenarios.ts';
import { ISSUER_SCENARIOS } from './issuer-scenarios.ts';
import { LEAF_SCENARIOS } from './leaf-scenarios.ts';
import { LEGACY_SCENARIOS } from './legacy-scenarios.ts';
import { PATH_SCENARIOS } from './path-scenarios.ts';
import { type Scenario } from './scenario.ts';
import { SIGNATURE_SCENARIOS } from './signature-scenarios.ts';

/** Everything that must be refused, by what it is about. */
export const ALL_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'the leaf': LEAF_SCENARIOS,
  'the issuers': ISSUER_SCENARIOS,
  'the path': PATH_SCENARIOS,
  signatures: SIGNATURE_SCENARIOS,
  'name constraints': CONSTRAINT_SCENARIOS,
  'the encoding': ENCODING_SCENARIOS,
  'times and extensions': EXTENSION_SCENARIOS,
  'our own SVID': SVID_SCENARIOS,
  bundles: BUNDLE_SCENARIOS,
  'legacy chains': LEGACY_SCENARIOS,
  PEM: PEM_SCENARIOS,
};
