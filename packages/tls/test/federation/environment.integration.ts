import { afterEach, expect, test } from 'vitest';

import { closeAll } from '../fixtures.ts';
import { runChild } from '../run-child.ts';

afterEach(closeAll);

test.for<NodeJS.ProcessEnv>([
  {},
  { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9' },
])('trap: bundle endpoints are known as well in a process with %j', async (env) => {
  const { code, stdout, stderr } = await runChild('federation-environment.ts', { env });
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({
    'https_web, by the roots of this machine': 'ERR_FEDERATION_UNTRUSTED',
    'https_web, by its own roots': 'fetched',
    https_spiffe: 'fetched',
    'https_spiffe, shown a certificate for its host': 'ERR_FEDERATION_UNTRUSTED',
    'https_spiffe, shown another SPIFFE ID': 'ERR_FEDERATION_UNTRUSTED',
  });
});
