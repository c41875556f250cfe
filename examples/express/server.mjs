// A till on Express: anyone of the trust domain may read prices, the billing service alone may refund.
import { authorize, peerOf } from '@svidkit/http/express';
import express from 'express';
import { authorizeId, authorizeMemberOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const app = express();
app.get('/prices', (request, response) => {
  response.send(`prices for ${peerOf(request).id.toString()}`);
});
app.get('/refunds', authorize(authorizeId('spiffe://prod.example/billing')), (request, response) => {
  response.send(`refund by ${peerOf(request).id.toString()}`);
});

// Express makes no server here: app.listen() would make one without a gate.
const server = identity.createHttpsServer({ authorize: authorizeMemberOf('prod.example') }, app);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});
process.once('SIGTERM', () => void identity.shutdown({ servers: [server], deadlineMs: 10_000 }));
