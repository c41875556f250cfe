// Starts the broker and a client, and an impostor of the broker, and renews identities in between.
import { play } from '../stage.mjs';

const KINDS = ['kafkajsOptions', 'tlsClientOptions'];

await play(import.meta.dirname, async (stage) => {
  const mount = await stage.mount('broker');
  const web = await stage.mount('web');
  const [broker, port] = await stage.startServer('broker', 'broker.mjs', mount);
  const client = stage.start('web', 'client.mjs', web, port);
  stage.check(await client.line(), 'ready as spiffe://prod.example/web');
  const connect = async () => {
    for (const kind of KINDS) {
      await stage.say(client, kind, `${kind}: connected`);
      stage.check(await broker.line(), 'request 18 of web, which is spiffe://prod.example/web');
    }
  };

  await connect();
  await stage.renew([mount, broker], [web, client]);
  await connect();

  console.log('--- an impostor of the broker hears nothing');
  const [impostor, otherPort] = await stage.startServer(
    'impostor',
    'broker.mjs',
    await stage.mountForged('/broker'),
  );
  const misled = stage.start('misled', 'client.mjs', web, otherPort);
  stage.check(await misled.line(), 'ready as spiffe://prod.example/web');
  for (const kind of KINDS) await stage.say(misled, kind, /: (?!connected)/);
  misled.child.stdin.end();
  await misled.ended;
  impostor.child.kill('SIGTERM');
  stage.check((await impostor.rest()).join('; '), '');

  await stage.end(broker, impostor);
});
