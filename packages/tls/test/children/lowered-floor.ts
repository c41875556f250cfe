// Prints which versions of TLS servers speak in a process that allows old ones.
import { type SecureVersion } from 'node:tls';

import { closeAll, knock, rawServer, sourceOf, tlsService, world } from '../fixtures.ts';

const { a } = await world();
const source = await sourceOf(a);
const identity = await a.issue();

async function versions(port: number): Promise<string[]> {
  const spoken: string[] = [];
  for (const version of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
    const { secured, line } = await knock(port, identity, { minVersion: version, maxVersion: version });
    if (secured && line !== undefined) spoken.push(version);
  }
  return spoken;
}

const outcomes = {
  'a plain server speaks': (await versions((await rawServer(identity)).port)).filter(
    (name) => name > 'TLSv1.1',
  ),
  'a server of ours speaks': await versions((await tlsService(source)).port),
  'a server of ours with TLS 1.2 opted in speaks': await versions(
    (await tlsService(source, { minVersion: 'TLSv1.2' })).port,
  ),
};
await closeAll();
console.log(JSON.stringify(outcomes));
