import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type World } from './world.ts';

/** Has the adapter run where the usual variables name a CA, and then again where they do not. */
export async function inTrustingEnvironment(
  world: World,
  pem: string,
  body: () => Promise<void>,
): Promise<void> {
  const file = join(world.directory('roots'), 'roots.pem');
  writeFileSync(file, pem);
  await world.restartIn({ NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file, REQUESTS_CA_BUNDLE: file });
  try {
    await body();
  } finally {
    await world.restartIn(undefined);
  }
}
