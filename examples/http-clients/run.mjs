// Starts the till and one client for each library, and renews identities in between.
import { play } from '../stage.mjs';

/** What each of them speaks. */
const CLIENTS = { axios: '1.1', got: '1.1', fetch: '1.1', undici: '2.0' };

await play(import.meta.dirname, async (stage) => {
  const till = await stage.mount('till');
  const impostor = await stage.mountForged('/till');
  const [server, port] = await stage.startServer('till', 'server.mjs', till);
  const [other, otherPort] = await stage.startServer('impostor', 'server.mjs', impostor);
  const clients = [];
  for (const [name, version] of Object.entries(CLIENTS)) {
    const mount = await stage.mount(name, '/web');
    const client = stage.start(name, `${name}.mjs`, mount, `https://localhost:${port}`);
    const misled = stage.start(`${name} misled`, `${name}.mjs`, mount, `https://localhost:${otherPort}`);
    for (const one of [client, misled]) stage.check(await one.line(), 'ready as spiffe://prod.example/web');
    await stage.say(client, 'first', `first: HTTP/${version} for spiffe://prod.example/web`);
    await stage.say(misled, 'first', 'first: no answer, ERR_CHAIN_UNTRUSTED');
    misled.child.stdin.end();
    await misled.ended;
    clients.push({ mount, client, version });
  }

  await stage.renew(
    [till, server],
    ...clients.map(({ mount, client }) => /** @type {const} */ ([mount, client])),
  );
  for (const { client, version } of clients) {
    await stage.say(client, 'second', `second: HTTP/${version} for spiffe://prod.example/web`);
  }

  await stage.end(server, other);
});
