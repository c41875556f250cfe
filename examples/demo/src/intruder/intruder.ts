// The intruder: a process without a mount that tries to get in, in every way it knows, and reports what came of it.
import { setTimeout as sleep } from 'node:timers/promises';

import { parentOf } from '../child.ts';
import { type Attempt, type IntruderKit, type Pem } from '../messages.ts';
import { pace } from '../services/pace.ts';
import { type EndpointName, HOST, type Ports } from '../topology.ts';
import { Impostor } from './impostor.ts';
import { KIND_NAMES, type KindName, KINDS } from './kinds.ts';
import { type Knock, knock } from './knock.ts';
import { mintTicket } from './ticket-mint.ts';

const ACTIONS_PER_SECOND = 14;
/** One control for so many attempts. */
const CONTROL_EVERY = 4;
type ServerKind = Exclude<KindName, `impostor-${string}`>;

/** An identity, and sessions that services (or a server of ours) gave for it. */
interface Memory {
  readonly identity: Pem;
  readonly sessions: Buffer[];
}

const parent = parentOf();
const dialled = new Map<string, (reason: string | undefined) => void>();
const impostors = new Map<string, { readonly impostor: Impostor; readonly port: number }>();
const counts = new Map<KindName, number>();
/** Of the current root, by target. */
let memories = new Map<EndpointName, Memory>();
/** Of the root before, whether it is gone already or about to go. */
let earlier = new Map<EndpointName, Memory>();
let rootRemoved = false;
let kit: IntruderKit | undefined;
let ports: Ports | undefined;
let marks = 0;
let turn = 0;
/** Actions in flight. */
const running = new Set<Promise<void>>();
const luring = new Set<string>();

parent.listen({
  kit: (message) => void take(message.kit),
  'root-removed': () => (rootRemoved = true),
  start: (message) => ({ ports } = message),
  dialled: ({ mark, reason }) => {
    dialled.get(mark)?.(reason);
    dialled.delete(mark);
  },
  stop: () => void leave(),
});
const actions = pace(ACTIONS_PER_SECOND, 1, async () => begin());

async function leave(): Promise<void> {
  await actions.stop();
  await Promise.all(running);
  parent.leave();
}

/** A new kit, from a new root. The identities of the kit before are kept, for when their root will be gone. */
async function take(next: IntruderKit): Promise<void> {
  earlier = memories;
  rootRemoved = false;
  memories = new Map();
  for (const [target, identity] of Object.entries(next.good)) {
    memories.set(target as EndpointName, { identity, sessions: [await mintTicket(identity)] });
  }
  for (const [kind, identity] of Object.entries(next.impostors)) {
    const known = impostors.get(kind);
    if (known !== undefined) {
      known.impostor.become(identity);
      continue;
    }
    const impostor = new Impostor(identity);
    impostors.set(kind, { impostor, port: await impostor.listen(HOST) });
  }
  kit = next;
  await Promise.all(running);
  parent.send({ type: 'kit-in-use', root: next.root });
}

/** Begins the next action. Actions overlap. */
function begin(): void {
  if (kit === undefined || ports === undefined) return;
  const kind = KIND_NAMES[turn++ % KIND_NAMES.length];
  if (kind === undefined) return;
  const count = counts.get(kind) ?? 0;
  const control = count % CONTROL_EVERY === 0;
  const action = isImpostor(kind)
    ? lure(kind, control, count, kit)
    : tryDoor(kind, control, count, kit, ports);
  if (action === undefined) return;
  counts.set(kind, count + 1);
  const tracked = action
    .then((attempt) => parent.send({ type: 'attempt', attempt }))
    .finally(() => running.delete(tracked));
  running.add(tracked);
}

function isImpostor(kind: KindName): kind is Exclude<KindName, ServerKind> {
  return KINDS[kind].targets === 'impostor';
}

function nextMark(kind: string, control: boolean): string {
  marks += 1;
  return `${control ? 'control' : 'intruder'}/${kind}/${marks}`;
}

/** Knocks at a door of a service; undefined when there is nothing to try with yet. */
function tryDoor(
  kind: ServerKind,
  control: boolean,
  count: number,
  using: IntruderKit,
  at: Ports,
): Promise<Attempt> | undefined {
  const { targets } = KINDS[kind];
  const endpoint = targets[count % targets.length] ?? 'api';
  const mark = nextMark(kind, control);
  const how = method(kind, control, count, endpoint, using);
  if (how === undefined) return undefined;
  const memory = memories.get(endpoint);
  return knock({ ...how, endpoint, port: at[endpoint], mark }).then((result) => {
    // What services give to an admitted peer is kept: it is what will be offered once the root is gone.
    if (control && memory?.identity === how.identity) memory?.sessions.push(...result.sessions);
    while ((memory?.sessions.length ?? 0) > 8) memory?.sessions.splice(1, 1);
    const { localPort, closed, applicationBytes, answered } = result;
    return { kind, control, mark, target: endpoint, localPort, closed, applicationBytes, answered };
  });
}

/** With what to knock. */
function method(
  kind: ServerKind,
  control: boolean,
  count: number,
  endpoint: EndpointName,
  using: IntruderKit,
): Omit<Knock, 'endpoint' | 'port' | 'mark'> | undefined {
  const identity = control ? using.good[endpoint] : using.bad[kind]?.[endpoint];
  if (kind === 'removed-ca-session' || kind === 'removed-ca-bare-session') {
    // Offering a session is no sin while the identity is good: that is the control.
    const memory = control ? memories.get(endpoint) : earlier.get(endpoint);
    if (memory === undefined || (!control && !rootRemoved)) return undefined;
    const session = memory.sessions[count % memory.sessions.length];
    const bare = kind === 'removed-ca-bare-session' && !control;
    return { session, identity: bare ? undefined : memory.identity };
  }
  if (kind === 'plaintext' && !control) return { plaintext: count % 2 === 0 ? 'request' : 'noise' };
  if (kind === 'tls12-no-certificate') return { identity, maxVersion: 'TLSv1.2' };
  return { identity };
}

/** Has our own api called to a server that claims to be the ledger. */
function lure(
  kind: KindName,
  control: boolean,
  count: number,
  using: IntruderKit,
): Promise<Attempt> | undefined {
  const name = control ? 'good' : kind;
  const trap = impostors.get(name);
  // One at a time, so that it is known whose bytes those are.
  if (trap === undefined || luring.has(name) || using.impostors[name] === undefined) return undefined;
  luring.add(name);
  return lureOnce(kind, control, count, trap).finally(() => luring.delete(name));
}

async function lureOnce(
  kind: KindName,
  control: boolean,
  count: number,
  { impostor, port }: { readonly impostor: Impostor; readonly port: number },
): Promise<Attempt> {
  const mark = nextMark(kind, control);
  const caught = impostor.expect();
  const reason = await new Promise<string | undefined>((resolve) => {
    dialled.set(mark, resolve);
    parent.send({ type: 'lure', mark, port, via: turnOf(count, control) % 2 === 0 ? 'https' : 'tls' });
  });
  for (let waited = 0; waited < 2_000 && !hasEnded(caught); waited += 20) await sleep(20);
  const { applicationBytes } = caught;
  const answered = reason === undefined && applicationBytes > 0;
  return {
    kind,
    control,
    mark,
    target: 'impostor',
    localPort: undefined,
    closed: hasEnded(caught),
    applicationBytes,
    answered,
    reason,
  };
}

/** Counts controls and attempts each for themselves, so that both go every way. */
function turnOf(count: number, control: boolean): number {
  return control ? count / CONTROL_EVERY : count;
}

function hasEnded({ connections, ended }: { readonly connections: number; readonly ended: number }): boolean {
  return connections > 0 && connections === ended;
}
