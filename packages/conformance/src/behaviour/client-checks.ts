import { type JsonObject, member, textMember } from '../json.ts';
import { observed, wantSame } from './ended.ts';
import { type PeerServer, type Visit } from './peer-server.ts';
import { type SourceUnderTest } from './source-under-test.ts';
import { type World } from './world.ts';

/** Wants the adapter's client to take a server of the kit for whom it is, and gives the connection. */
export async function wantAccepted(
  world: World,
  source: SourceUnderTest,
  peer: PeerServer,
  id: string,
  params: JsonObject = {},
): Promise<Visit> {
  const before = peer.visits.length;
  const answer = await world.connect(source, peer.port, params);
  if (answer.kind === 'reject')
    throw observed(`a good server was refused (${answer.code}: ${answer.message ?? ''})`);
  wantSame('whom the client took the server for', member(answer.value, 'peer'), id);
  const visit = peer.visits[before];
  if (visit === undefined) throw observed('the client says that it connected, and nobody came');
  return visit;
}

/** Wants the adapter's client to refuse a server of the kit. */
export async function wantRefused(
  world: World,
  source: SourceUnderTest,
  peer: PeerServer,
  what: string,
  params: JsonObject = {},
): Promise<void> {
  const before = peer.visits.length;
  const answer = await world.connect(source, peer.port, params);
  if (answer.kind === 'ok') throw observed(`${what} was accepted, as ${textMember(answer.value, 'peer')}`);
  const sent = peer.visits.slice(before).reduce((sum, { bytes }) => sum + bytes, 0);
  wantSame(`bytes sent to ${what}`, sent, 0);
}

/** Has the adapter open a client that keeps connections. */
export async function openPool(
  world: World,
  source: SourceUnderTest,
  params: JsonObject = {},
): Promise<(peer: PeerServer) => ReturnType<World['ask']>> {
  const answer = await world.call('client.pool', {
    source: source.handle,
    protocol: 'http1',
    authorize: { any: true },
    ...params,
  });
  const handle = textMember(answer, 'handle');
  return (peer) => world.ask('client.request', { handle, port: peer.port, path: '/' });
}

/** Wants a request of a pool to be answered by a server. */
export function wantAnswered(answer: Awaited<ReturnType<World['ask']>>, id: string, what: string): void {
  if (answer.kind === 'reject')
    throw observed(`${what} was refused (${answer.code}: ${answer.message ?? ''})`);
  wantSame(`the server that answered ${what}`, member(answer.value, 'peer'), id);
  wantSame(`the status of ${what}`, member(answer.value, 'status'), 200);
}
