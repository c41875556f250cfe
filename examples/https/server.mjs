// The shop: serves its own trust domain, takes orders of /web, and ends in good order on SIGTERM.
import { authorizeMemberOf, peerOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const server = identity.createHttpsServer(
  { authorize: authorizeMemberOf('prod.example') },
  (request, response) => {
    const { id } = peerOf(request);
    if (id.path !== '/web') {
      response.writeHead(403).end(`${id.toString()} may not order`);
      return;
    }
    response.end(`order of ${id.toString()} taken`);
  },
);

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});

process.once('SIGTERM', () => void shutDown());

async function shutDown() {
  const { drained } = await identity.shutdown({ servers: [server], deadlineMs: 10_000 });
  console.log(drained ? 'every request was answered' : 'some connections had to be cut');
}
