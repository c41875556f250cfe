// The server of a fleet in migration: who may connect, and what it shows, is in a mounted policy file.
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { anyPeerOf, authorizeMemberOf, legacyDnsName, legacyIdentity, workloadIdentity } from 'svidkit';

const [, , legacyDirectory = '', policyFile = ''] = process.argv;
/** @param {string} name */
const legacyFile = (name) => readFileSync(join(legacyDirectory, name), 'utf8');

const legacy = legacyIdentity({
  certificates: legacyFile('tls.crt'),
  privateKey: legacyFile('tls.key'),
  authorities: legacyFile('ca.crt'),
  clients: legacyDnsName('old.corp.example', 'new.corp.example'),
});
const identity = await workloadIdentity({ legacy, policyFile });

subscribe('svidkit:migration.decision', (message) => {
  const { kind, presented, mode, result, peer } =
    /** @type {import('svidkit').SvidkitEvents['svidkit:migration.decision']} */ (message);
  console.log(`${mode}, showing ${presented}: ${kind} client ${peer ?? '?'} ${result}`);
});
subscribe('svidkit:source.error', (message) => {
  const { error } = /** @type {import('svidkit').SvidkitEvents['svidkit:source.error']} */ (message);
  console.log(`${error.code}: the last good policy stays`);
});
identity.policy?.onUpdate(({ mode, prefer }) => console.log(`policy: ${mode}, ${prefer} first`));

const server = identity.createHttpsServer(
  { authorize: authorizeMemberOf('prod.example') },
  (request, response) => {
    const peer = anyPeerOf(request);
    response.end(peer.kind === 'spiffe' ? peer.id.toString() : `the old ${peer.name}`);
  },
);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`listening on ${address.port}`);
});
process.once('SIGTERM', () => void identity.shutdown({ servers: [server], deadlineMs: 10_000 }));
