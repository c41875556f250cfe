// The intruder: a process without a mount that tries to get in, in every way it knows, and reports what came of it.
import { setTimeout as sleep } from 'node:timers/promises';

import { parentOf } from '../child.ts';
import { type Attempt, type IntruderKit, type Pem, type Season, type ToChild } from '../messages.ts';
import { pace } from '../services/pace.ts';
import { type EndpointName, HOST, type Ports } from '../topology.ts';
import { type Knock } from './door.ts';
import { Impostor } from './impostor.ts';
import { type IntruderKind, KIND_NAMES, type KindName, KINDS, type SeasonalKind } from './kinds.ts';
import { knock } from './knock.ts';
import { Lodger } from './lodger.ts';
import { mintTicket } from './ticket-mint.ts';

const ACTIONS_PER_SECOND = 16;
/** One control for so many attempts. */
const ATTEMPTS_PER_CONTROL = 3;
type ServerKind = Exclude<KindName, `impostor-${string}`>;

/** An identity, and sessions that services (or a server of ours) gave for it. */
interface Memory {
  readonly identity: Pem;
  readonly sessions: Buffer[];
}

const parent = parentOf();
const dialled = new Map<string, (reason: string | undefined) => void>();
const impostors = new Map<string, { readonly impostor: Impostor; readonly port: number }>();
const counts = new Map<KindName, { attempts: number; controls: number }>();
/** Of the current root, by target. */
let memories = new Map<EndpointName, Memory>();
/** Of the root before, whether it is gone already or about to go. */
let earlier = new Map<EndpointName, Memory>();
let rootRemoved = false;
let kit: IntruderKit | undefined;
let ports: Ports | undefined;
let marks = 0;
let turn = 0;
/** Actions in flight, with their kind. */
const running = new Map<Promise<void>, KindName>();
/** The identities that are let in at some times, and who lives on them. */
const seasons = new Map<KindName, Season>();
const seasonal = new Map<KindName, Pem>();
let lodgers: readonly Lodger[] = [];
const luring = new Set<string>();

parent.listen({
  kit: (message) => void take(message.kit),
  'root-removed': () => (rootRemoved = true),
  start: (message) => ({ ports } = message),
  season: (message) => void changeSeason(message),
  dialled: ({ mark, reason }) => {
    dialled.get(mark)?.(reason);
    dialled.delete(mark);
  },
  stop: () => void leave(),
});
const actions = pace(ACTIONS_PER_SECOND, 1, async () => begin());

async function leave(): Promise<void> {
  await actions.stop();
  for (const lodger of lodgers) lodger.stop();
  await Promise.all(running.keys());
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
  await Promise.all(running.keys());
  parent.send({ type: 'kit-in-use', root: next.root });
}

/** While it is undecided nothing of this kind is in flight. Once let in, it stays until it is thrown out. */
async function changeSeason({ kind, season, identity }: ToChild & { type: 'season' }): Promise<void> {
  seasons.set(kind, 'undecided');
  await Promise.all([...running].filter(([, ofKind]) => ofKind === kind).map(([action]) => action));
  if (season === 'let-in' && identity !== undefined) seasonal.set(kind, identity);
  if (season !== 'undecided' && kit !== undefined && ports !== undefined) {
    if (season === 'let-in') await moveIn(kind, ports);
    // Each door is knocked at once in each season, however short it is.
    for (const [door] of KINDS[kind].targets.entries()) {
      const action = tryDoor(kind, season === 'let-in', door, kit, ports);
      if (action !== undefined) await follow(kind, action);
    }
  }
  seasons.set(kind, season);
  parent.send({ type: 'season-begun', kind, season });
}

async function moveIn(kind: SeasonalKind, at: Ports): Promise<void> {
  const identity = seasonal.get(kind);
  if (identity === undefined) return;
  const coming = KINDS[kind].targets.map((target) => {
    const lodger = new Lodger(target, at[target], identity);
    void tellWhenThrownOut(kind, target, lodger);
    return lodger;
  });
  lodgers = [...lodgers, ...coming];
  await Promise.all(coming.map((lodger) => lodger.settled));
}

async function tellWhenThrownOut(kind: SeasonalKind, target: EndpointName, lodger: Lodger): Promise<void> {
  const at = await lodger.thrownOut;
  lodgers = lodgers.filter((one) => one !== lodger);
  parent.send({ type: 'thrown-out', kind, target, at });
}

/** Begins the next action. Actions overlap. */
function begin(): void {
  if (kit === undefined || ports === undefined) return;
  const kind = KIND_NAMES[turn++ % KIND_NAMES.length];
  if (kind === undefined) return;
  const count = counts.get(kind) ?? { attempts: 0, controls: 0 };
  const control = isControl(kind, count);
  if (control === undefined) return;
  const which = control ? 'controls' : 'attempts';
  const action = isImpostor(kind)
    ? lure(kind, control, count[which], kit)
    : tryDoor(kind, control, count[which], kit, ports);
  if (action === undefined) return;
  counts.set(kind, { ...count, [which]: count[which] + 1 });
  void follow(kind, action);
}

/** Tells what came of an action. */
function follow(kind: KindName, action: Promise<Attempt>): Promise<void> {
  const tracked = action
    .then((attempt) => parent.send({ type: 'attempt', attempt }))
    .finally(() => running.delete(tracked));
  running.set(tracked, kind);
  return tracked;
}

/** Whether the next action is a control; undefined when neither would prove anything now. */
function isControl(
  kind: KindName,
  { attempts, controls }: { readonly attempts: number; readonly controls: number },
): boolean | undefined {
  const { seasonal: hasSeasons }: IntruderKind = KINDS[kind];
  if (hasSeasons !== true) return attempts >= controls * ATTEMPTS_PER_CONTROL;
  const season = seasons.get(kind);
  if (season === undefined || season === 'undecided') return undefined;
  return season === 'let-in';
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
    const { localPort, closed, applicationBytes, answered, status } = result;
    return { kind, control, mark, target: endpoint, localPort, closed, applicationBytes, answered, status };
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
  const identity = seasonal.get(kind) ?? (control ? using.good[endpoint] : using.bad[kind]?.[endpoint]);
  if (kind === 'removed-ca-session' || kind === 'removed-ca-bare-session') {
    // Offering a session is no sin while the identity is good: that is the control.
    const memory = control ? memories.get(endpoint) : earlier.get(endpoint);
    if (memory === undefined || (!control && !rootRemoved)) return undefined;
    const session = memory.sessions[count % memory.sessions.length];
    const bare = kind === 'removed-ca-bare-session' && !control;
    return { session, identity: bare ? undefined : memory.identity };
  }
  if (kind === 'plaintext' && !control) return { plaintext: count % 2 === 0 ? 'request' : 'noise' };
  if (kind === 'wrong-route') return { identity, restricted: true };
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
    parent.send({ type: 'lure', mark, port, via: count % 2 === 0 ? 'https' : 'tls' });
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

function hasEnded({ connections, ended }: { readonly connections: number; readonly ended: number }): boolean {
  return connections > 0 && connections === ended;
}
