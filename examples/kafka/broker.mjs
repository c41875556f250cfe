// The door of a broker: it admits clients as any service does, and answers the one question that each of them begins with
// (ApiVersions, api key 18). A real one is told to require client certificates; see README.md.
import { authorizeMemberOf, peerOf, workloadIdentity } from 'svidkit';

const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const server = identity.createTlsServer({ authorize: authorizeMemberOf('prod.example') }, (socket) => {
  const { id } = peerOf(socket);
  let received = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const request = received.subarray(4, 4 + received.readInt32BE(0));
      received = received.subarray(4 + request.length);
      const clientId = request.subarray(10, 10 + request.readInt16BE(8)).toString();
      console.log(`request ${request.readInt16BE(0)} of ${clientId}, which is ${id.toString()}`);
      socket.write(apiVersions(request));
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});
process.once('SIGTERM', () => void identity.shutdown({ servers: [server], deadlineMs: 10_000 }));

/** "ApiVersions 0 to 2 are all that I know." @param {Buffer} request */
function apiVersions(request) {
  // From version 1 on it ends with how long to wait: not at all.
  const answer = Buffer.alloc(request.readInt16BE(2) === 0 ? 20 : 24);
  answer.writeInt32BE(answer.length - 4, 0);
  request.copy(answer, 4, 4, 8); // the number of the question
  answer.writeInt32BE(1, 10); // one api, no error
  answer.writeInt16BE(18, 14);
  answer.writeInt16BE(2, 18);
  return answer;
}
