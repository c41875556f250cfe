import { type TestBundle, type TestSvid } from '@svidkit/testkit';

import { type JsonObject, textMember } from '../json.ts';
import { binaryKeys } from '../protocol/key-material.ts';
import { observed, want, wantSame } from './ended.ts';
import { inTime } from './federation-stage.ts';
import { leafOf, SourceUnderTest } from './source-under-test.ts';
import { WorkloadApiServer } from './workload-api-server.ts';
import { type WorkloadCall } from './workload-call.ts';
import { x509Message } from './workload-messages.ts';
import { type WorkloadMethod } from './workload-method.ts';
import { type World } from './world.ts';

/** What a client needs to have a source of X.509-SVIDs, and of JWT-SVIDs. */
export const X509_FEATURES: readonly string[] = ['sources:workloadApi'];
export const JWT_FEATURES: readonly string[] = ['sources:workloadApiJwt'];
/** The operations of a source, for most cases. */
export const SOURCE_OPS = ['source.open', 'source.wait', 'source.get'] as const;
/** How long to look for calls that must not come, in milliseconds: several times what a pause of a client takes at first. */
const QUIET_MS = 1500;

/** A Workload API of the case, at the kind of address that the adapter names first where the case does not care. */
export async function workloadApi(
  world: World,
  {
    transport = world.capabilities.first('endpoints') ?? 'unix',
    isUp = true,
  }: { readonly transport?: string; readonly isUp?: boolean } = {},
): Promise<WorkloadApiServer> {
  const api = new WorkloadApiServer(transport === 'tcp' ? undefined : world.directory('api'), (message) =>
    world.guard(binaryKeys(message)),
  );
  world.defer(() => api.stop());
  // A port has to be known before it is listened on.
  if (isUp || transport === 'tcp') await api.start();
  if (!isUp) await api.stop();
  return api;
}

/** Has the adapter open a source at an address, which may have an identity or not. */
export async function openAt(
  world: World,
  params: JsonObject,
  kind: 'workloadApi' | 'workloadApiJwt' = 'workloadApi',
): Promise<SourceUnderTest> {
  const answer = await world.call('source.open', { kind, ...params });
  return new SourceUnderTest(world, textMember(answer, 'handle'));
}

/** Wants no source to come of opening one: it is rejected at once, or tells an error and has no identity. */
export async function wantNoSource(world: World, params: JsonObject, what: string): Promise<void> {
  const answer = await world.ask('source.open', { kind: 'workloadApi', ...params });
  if (answer.kind === 'reject') return;
  const source = new SourceUnderTest(world, textMember(answer.value, 'handle'));
  const snapshot = await source.until({ error: true }, `an error: it has ${what}`);
  const state = textMember(snapshot, 'state');
  want(state === 'failed' || state === 'waiting', `it has ${what}, and is ${state}`);
}

/** Waits for an error that a client lives with, where those are told; others just go on. */
export async function wantTold(world: World, source: SourceUnderTest): Promise<void> {
  if (world.capabilities.has('events:source.error')) await source.until({ error: true }, 'an error');
}

/** A Workload API that gives one SVID, and a source that has it. */
export interface WorkloadStage {
  readonly api: WorkloadApiServer;
  readonly source: SourceUnderTest;
  readonly root: TestBundle;
  /** The SVID in use. */
  readonly first: TestSvid;
}

/** Opens a source, and waits until it has the first SVID. */
export async function firstStage(world: World, params: JsonObject = {}): Promise<WorkloadStage> {
  const api = await workloadApi(world);
  const root = await world.pki.root();
  const first = await issue(world);
  api.x509.publish(x509Message([{ svid: first, bundle: root }]));
  const source = await openAt(world, { address: api.address, ...params });
  await source.until({ state: 'ready' }, 'the first SVID');
  await source.has(first, 'at first');
  return { api, source, root, first };
}

/** {@link firstStage}, and the call by which messages come, of those that were made so far. */
export interface ListeningStage extends WorkloadStage {
  readonly call: WorkloadCall;
  readonly calls: number;
}

/**
 * Opens a source, and waits until it has an SVID and listens for the next: some clients end the call that brought the
 * first message and make another one, so that only a second message shows that they do.
 */
export async function workloadStage(world: World, params: JsonObject = {}): Promise<ListeningStage> {
  const stage = await firstStage(world, params);
  const first = await wantNext(world, stage);
  const call = stage.api.x509.open.at(-1);
  if (call === undefined) throw observed('a source is ready, and its call has ended');
  return { ...stage, first, call, calls: stage.api.x509.calls.length };
}

/** An SVID of `a.test`. */
export async function issue(world: World, path = '/port'): Promise<TestSvid> {
  return (await world.pki.root()).issue({ path });
}

/** Publishes a new SVID, and waits until it is in use. */
export async function wantNext(
  world: World,
  { api, source }: Pick<WorkloadStage, 'api' | 'source'>,
): Promise<TestSvid> {
  const next = await issue(world);
  api.x509.publish(x509Message([{ svid: next, bundle: await world.pki.root() }]));
  await source.until({ leafSha256: leafOf(next.chainDer) }, 'the next SVID');
  return next;
}

/** Waits for a call. */
export async function callOf(
  world: World,
  method: WorkloadMethod,
  count: number,
  what: string,
): Promise<WorkloadCall> {
  const call = method.received(count);
  await inTime(
    world,
    what,
    call.then(() => undefined),
  );
  return call;
}

/** Wants no further call for a while. */
export async function wantQuiet(method: WorkloadMethod, when: string): Promise<void> {
  const { length } = method.calls;
  await new Promise((resolve) => {
    setTimeout(resolve, QUIET_MS);
  });
  wantSame(`calls ${when}`, method.calls.length, length);
}

/** Wants a call to carry what keeps forged requests out. */
export function wantHeader({ headers }: WorkloadCall): void {
  wantSame('the metadata workload.spiffe.io', headers['workload.spiffe.io'], 'true');
}

/** Wants a yes to a call, and says what was refused otherwise. */
export async function wantYes(
  world: World,
  op: string,
  params: JsonObject,
  what: string,
): Promise<JsonObject> {
  const answer = await world.ask(op, params);
  if (answer.kind === 'ok') return answer.value;
  throw observed(`${what} was refused (${answer.code}: ${answer.message ?? ''})`);
}
