import { createTestCa, type IssueOptions, type TestCa, type TestSvid } from '@svidkit/testkit';

import { DOORS } from '../intruder/kinds.ts';
import { type IntruderKit, type Pem } from '../messages.ts';
import { type EndpointName, ENDPOINTS, IDS, OUR_DOMAIN, type WorkloadName } from '../topology.ts';
import { type Authorities } from './authorities.ts';

/** Far above the lifetime of real SVIDs, so that time is what is wrong with no more than one kind. */
const LIFETIME_MS = 3_600_000;

/**
 * Makes what the intruder works with, from the root of now. Each identity is wrong in exactly one way: it claims an
 * ID that its target admits, unless the ID is what is wrong.
 */
export async function intruderKit(authorities: Authorities): Promise<IntruderKit> {
  const { issuer, partner, root } = authorities;
  const foreign = await createTestCa({ trustDomain: OUR_DOMAIN });
  return {
    root,
    good: await forTargets((id) => issue(issuer, { id })),
    bad: {
      'foreign-ca': await forTargets((id) => issue(foreign, { id })),
      'federated-ca': await forTargets((id) => issue(partner, { id })),
      expired: await forTargets((id) => issuer.issue({ id, defects: ['expired'] })),
      'wrong-path': await forTargets(() => issue(issuer, { path: '/intruder' })),
      'wrong-route': await forTargets(() => issue(issuer, { id: IDS.console })),
      'wrong-door': await forTargets(() => issue(partner, { id: IDS.settlement })),
      'self-signed': await forTargets(selfSigned),
      'two-uri-sans': await forTargets((id) => issue(issuer, { id, defects: ['two-uri-sans'] })),
      'leaf-is-ca': await forTargets((id) => issue(issuer, { id, defects: ['leaf-is-ca'] })),
    },
    impostors: {
      good: pem(await issue(issuer, { id: IDS.ledger })),
      'impostor-foreign-ca': pem(await issue(foreign, { id: IDS.ledger })),
      'impostor-wrong-id': pem(await issue(issuer, { path: '/impostor' })),
    },
  };
}

function issue(ca: TestCa, options: IssueOptions): Promise<TestSvid> {
  return ca.issue({ lifetimeMs: LIFETIME_MS, ...options });
}

/** One identity for each target, with the ID that the target admits. */
async function forTargets(make: (id: string) => Promise<TestSvid>): Promise<Record<string, Pem>> {
  const made = new Map<string, Promise<TestSvid>>();
  const entries = DOORS.map(async (target) => {
    const id = admittedAt(target);
    const svid = made.get(id) ?? make(id);
    made.set(id, svid);
    return [target, pem(await svid)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function admittedAt(endpoint: EndpointName): string {
  const [workload]: readonly WorkloadName[] = ENDPOINTS[endpoint].admits;
  return workload === undefined ? '' : IDS[workload];
}

/** A leaf that is signed by its own key: a CA that issues to itself, without saying that it is a CA. */
async function selfSigned(id: string): Promise<TestSvid> {
  const name = 'self';
  const self = await createTestCa({ trustDomain: OUR_DOMAIN, name });
  return self.issue({ id, key: self.keyPair, subject: `CN=${name}`, lifetimeMs: LIFETIME_MS });
}

function pem({ certPem, keyPem }: TestSvid): Pem {
  return { cert: certPem, key: keyPem };
}
