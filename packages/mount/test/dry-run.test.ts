import { type X509Svid } from '@svidkit/core';
import { createTestCa } from '@svidkit/testkit';
import { expect, test } from 'vitest';

import { dryRun } from '../src/dry-run.ts';

test('an SVID that TLS takes passes, one that it refuses gives an error that names the file', async () => {
  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const svid = (await ca.issue()).svid();
  expect(() => dryRun(svid, ca.bundle(), '/mount/tls.crt')).not.toThrow();
  expect(() => dryRun(svid, undefined, '/mount/tls.crt')).not.toThrow();
  const { key } = await ca.issue();
  const unfit = { certificates: svid.certificates, privateKey: key } as unknown as X509Svid;
  expect(() => dryRun(unfit, ca.bundle(), '/mount/tls.crt')).toThrow(
    expect.objectContaining({ code: 'ERR_SVID_CERTIFICATE_INVALID', file: '/mount/tls.crt' }),
  );
});
