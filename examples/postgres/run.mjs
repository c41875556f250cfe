// Starts PostgreSQL, where this machine has one, and a client of it, and renews the identity of the client in between.
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';

import { play } from '../stage.mjs';
import { findPostgres, startDatabase } from './database.mjs';

const programs = findPostgres();

await play(import.meta.dirname, async (stage) => {
  const web = await stage.mount('web');
  if (programs === undefined) {
    console.log('--- no PostgreSQL on this machine: the client finds nobody');
    const client = stage.start('web', 'client.mjs', web, '1');
    stage.check(await client.line(), 'ready as spiffe://prod.example/web');
    await stage.say(client, 'first', /^first: .*ECONNREFUSED/);
    await stage.end();
    return;
  }

  await chmod(stage.root, 0o711); // PostgreSQL may be another user.
  const database = await startDatabase(
    programs,
    join(stage.root, 'database'),
    await stage.ca.issue({ path: '/db' }),
    stage.ca.bundlePem,
  );
  try {
    const client = stage.start('web', 'client.mjs', web, database.port);
    stage.check(await client.line(), 'ready as spiffe://prod.example/web');
    await stage.say(client, 'first', 'first: app over TLSv1.3 with the SVID of now');
    await stage.renew([web, client]);
    await stage.say(client, 'second', 'second: app over TLSv1.3 with the SVID of now');

    console.log('--- a client that nobody trusts, and a database of another name');
    const stranger = stage.start('stranger', 'client.mjs', await stage.mountForged('/web'), database.port);
    stage.check(await stranger.line(), 'ready as spiffe://prod.example/web');
    await stage.say(stranger, 'first', /^first: (?!app)/);
    const other = await startDatabase(
      programs,
      join(stage.root, 'other'),
      await stage.ca.issue({ path: '/other' }),
      stage.ca.bundlePem,
    );
    const misled = stage.start('misled', 'client.mjs', web, other.port);
    stage.check(await misled.line(), 'ready as spiffe://prod.example/web');
    await stage.say(misled, 'first', /^first: .*spiffe:\/\/prod\.example\/other/);
    await other.stop();

    await stage.end();
  } finally {
    await database.stop();
  }
});
