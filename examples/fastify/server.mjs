// The same till on Fastify.
import { authorize, gatedServer, requestPeer } from '@svidkit/http/fastify';
import { fastify } from 'fastify';
import { authorizeId, authorizeMemberOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const app = fastify({
  ...gatedServer(identity.source, { authorize: authorizeMemberOf('prod.example') }),
});
await app.register(requestPeer);
app.get('/prices', (request) => `prices for ${request.peer.id.toString()}`);
app.get(
  '/refunds',
  { onRequest: authorize(authorizeId('spiffe://prod.example/billing')) },
  (request) => `refund by ${request.peer.id.toString()}`,
);

const url = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`listening on ${new URL(url).port}`);
process.once('SIGTERM', () => void shutDown());

async function shutDown() {
  await app.close();
  await identity.close();
}
