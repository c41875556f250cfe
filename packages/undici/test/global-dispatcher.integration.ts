import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

// In a process of its own: the global dispatcher is one for all.
const PROGRAM = `
  import { once } from 'node:events';
  import { authorizeAny } from '@svidkit/core';
  import { createTestCa } from '@svidkit/testkit';
  import { createHttpsServer, peerOf } from '@svidkit/tls';
  import { createDispatcher } from '@svidkit/undici';
  import { setGlobalDispatcher } from 'undici';

  const ca = await createTestCa({ trustDomain: 'prod.example' });
  const server = createHttpsServer(await ca.source({ path: '/api' }), { authorize: authorizeAny() }, (req, res) => {
    res.end(peerOf(req).id.toString());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const dispatcher = createDispatcher(await ca.source({ path: '/web' }), { authorize: authorizeAny() });
  setGlobalDispatcher(dispatcher);

  const response = await fetch('https://127.0.0.1:' + server.address().port, { method: 'POST', body: 'built-in' });
  console.log(response instanceof Response, await response.text());
  console.log(await fetch('http://127.0.0.1:8080').catch((error) => error.cause.code));
  await dispatcher.close();
  server.close();
`;

test('the built-in fetch goes through a dispatcher that was made the global one, and the process ends by itself', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@svidkit/source', '--input-type=module', '--eval', PROGRAM],
    { cwd: join(import.meta.dirname, '..') },
  );
  expect(stdout).toBe('true spiffe://prod.example/web\nERR_TARGET_UNKNOWN\n');
});
