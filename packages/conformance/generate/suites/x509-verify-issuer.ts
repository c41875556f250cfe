import { type Draft } from '../draft.ts';
import { type Changes, issueCa } from '../pki/certificate.ts';
import { basic, usage } from '../pki/extensions.ts';
import { ecKey } from '../pki/keys.ts';
import { INT_KEY, intermediate, leafBelow, ROOT, ROOT_KEY, TD } from '../pki/world.ts';
import { SPEC } from '../spec-quotes.ts';
import { ofAnchor, refuse, type VerifyPlan } from './x509-verify-case.ts';

const UNTRUSTED = ['x509.untrusted', 'x509.signature'];
const BELOW_INT = 'accept/one-intermediate';

/** Rows 128 to 132: issuers that may not issue. */
export function rejectedIssuers(): readonly Draft[] {
  const below = (changes: Changes): VerifyPlan => {
    const int = intermediate(changes);
    return { chain: [leafBelow(int), int], control: BELOW_INT, spec: [SPEC.rfc5280('6.1.4')] };
  };
  const flat = issueCa('root a', ROOT_KEY, { extensions: { basicConstraints: basic(true, 0) } });
  const int = issueCa('intermediate a', INT_KEY, { issuer: flat });
  const two = issueCa('intermediate b', ecKey('intermediate b'), { issuer: int });
  const narrow = issueCa('intermediate a', INT_KEY, {
    issuer: ROOT,
    extensions: { basicConstraints: basic(true, 0) },
  });
  const belowNarrow = issueCa('intermediate b', ecKey('intermediate b'), { issuer: narrow });
  const lowest = issueCa('intermediate c', ecKey('intermediate c'), { issuer: belowNarrow });
  return [
    refuse(
      128,
      'ca/flag-false',
      'an issuer without the CA flag is refused',
      ['x509.ca.flag', ...UNTRUSTED],
      below({ extensions: { basicConstraints: basic(false) } }),
    ),
    refuse(
      129,
      'ca/no-basic-constraints',
      'an issuer without basic constraints is refused',
      ['x509.ca.flag', ...UNTRUSTED],
      below({ extensions: { basicConstraints: null } }),
    ),
    refuse(
      130,
      'ca/no-key-cert-sign',
      'an issuer that may not sign certificates is refused',
      ['x509.ca.key-usage', ...UNTRUSTED],
      below({ extensions: { keyUsage: usage(['cRLSign']) } }),
    ),
    refuse(
      131,
      'ca/v1-intermediate',
      'an intermediate of version 1 is refused',
      ['x509.ca.flag', 'x509.version', ...UNTRUSTED],
      below({ version: 1 }),
    ),
    ofAnchor(
      refuse(
        132,
        'ca/pathlen-exceeded[where=root]',
        'the path length that an authority names may be passed over',
        ['x509.path-len', ...UNTRUSTED],
        {
          chain: [leafBelow(int), int],
          bundles: { [TD]: [flat] },
          control: 'accept/pathlen-exact[issuers=1]',
        },
      ),
    ),
    refuse(
      132,
      'ca/pathlen-exceeded[where=direct]',
      'a path length of zero leaves no room for an intermediate',
      ['x509.path-len', ...UNTRUSTED],
      {
        chain: [leafBelow(belowNarrow), belowNarrow, narrow],
        control: BELOW_INT,
        spec: [SPEC.rfc5280('6.1.4')],
      },
    ),
    refuse(
      132,
      'ca/pathlen-exceeded[where=inherited]',
      'a path length holds for all that is below it',
      ['x509.path-len', ...UNTRUSTED],
      {
        chain: [leafBelow(lowest), lowest, belowNarrow, narrow],
        control: 'accept/three-intermediates',
        spec: [SPEC.rfc5280('6.1.4')],
      },
    ),
    ofAnchor(
      refuse(
        132,
        'ca/pathlen-exceeded[where=root-of-two]',
        'the path length that an authority names may be passed over',
        ['x509.path-len', ...UNTRUSTED],
        {
          chain: [leafBelow(two), two, int],
          bundles: { [TD]: [flat] },
          control: 'accept/pathlen-exact[issuers=1]',
        },
      ),
    ),
  ];
}
