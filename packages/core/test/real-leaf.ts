import { createTestCa } from '@svidkit/testkit';

import { Certificate } from '../src/certificate.ts';

/** The parsed leaf of an SVID that a test CA issued. */
export async function realLeaf(): Promise<Certificate> {
  const ca = await createTestCa({ trustDomain: 'td' });
  const { chainDer } = await ca.issue({ path: '/a' });
  const [der] = chainDer;
  if (der === undefined) throw new Error('the test CA issued nothing');
  return Certificate.parse(der);
}
