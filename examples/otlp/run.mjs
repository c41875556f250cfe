// Starts the collector and a service that exports to it, and renews identities in between.
import { play } from '../stage.mjs';

await play(import.meta.dirname, async (stage) => {
  const collector = await stage.mount('collector');
  const web = await stage.mount('web');
  const [server, port] = await stage.startServer('collector', 'collector.mjs', collector);
  const service = stage.start('web', 'service.mjs', web, port);
  stage.check(await service.line(), 'ready as spiffe://prod.example/web');

  await stage.say(service, 'order taken', 'order taken: exported');
  stage.check(await server.line(), '/v1/traces of spiffe://prod.example/web: order taken');
  await stage.renew([collector, server], [web, service]);
  await stage.say(service, 'order paid', 'order paid: exported');
  stage.check(await server.line(), '/v1/traces of spiffe://prod.example/web: order paid');

  console.log('--- what goes to an impostor of the collector is lost, and nobody reads it');
  const [impostor, otherPort] = await stage.startServer(
    'impostor',
    'collector.mjs',
    await stage.mountForged('/collector'),
  );
  const misled = stage.start('misled', 'service.mjs', web, otherPort);
  stage.check(await misled.line(), 'ready as spiffe://prod.example/web');
  await stage.say(misled, 'secret order', 'secret order: lost, ERR_CHAIN_UNTRUSTED');
  misled.child.stdin.end();
  await misled.ended;
  impostor.child.kill('SIGTERM');
  stage.check((await impostor.rest()).join('; '), '');

  await stage.end(server, impostor);
});
