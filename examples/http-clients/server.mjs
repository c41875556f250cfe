// The till: HTTP/2 for clients that want it, HTTP/1.1 for the others.
import { createSecureServer } from 'node:http2';

import { authorizeMemberOf, peerOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const server = identity.secureServer(
  createSecureServer({ allowHTTP1: true }, (request, response) => {
    const { id } = peerOf(request);
    if (id.path === '/web') response.end(`HTTP/${request.httpVersion} for ${id.toString()}`);
    else response.writeHead(403).end(`${id.toString()} may not ask`);
  }),
  { authorize: authorizeMemberOf('prod.example') },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});
process.once('SIGTERM', () => void identity.shutdown({ servers: [server], deadlineMs: 10_000 }));
