// A collector of traces that takes them from its own trust domain alone, and prints what it got from whom.
import { text } from 'node:stream/consumers';

import { authorizeMemberOf, peerOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const server = identity.createHttpsServer(
  { authorize: authorizeMemberOf('prod.example') },
  (request, response) => {
    void collect(request, response);
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});
process.once('SIGTERM', () => void identity.shutdown({ servers: [server], deadlineMs: 10_000 }));

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function collect(request, response) {
  const { id } = peerOf(request);
  /** @type {{ resourceSpans: { scopeSpans: { spans: { name: string }[] }[] }[] }} */
  const { resourceSpans } = JSON.parse(await text(request));
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  console.log(`${request.url} of ${id.toString()}: ${spans.map(({ name }) => name).join(', ')}`);
  response.setHeader('content-type', 'application/json').end('{}');
}
