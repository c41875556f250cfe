import { member, textMember } from '../../json.ts';
import { type BehaviourDraft } from '../behaviour-case.ts';
import { want, wantSame } from '../ended.ts';
import { jwtAuthority } from '../jwt-authority.ts';
import { SourceUnderTest } from '../source-under-test.ts';
import { type WorkloadApiServer } from '../workload-api-server.ts';
import {
  jwtBundlesMessage,
  jwtMessage,
  validationMessage,
  x509BundlesMessage,
  x509Message,
} from '../workload-messages.ts';
import { type WorkloadMethod } from '../workload-method.ts';
import { WORKLOAD } from '../workload-spec.ts';
import {
  issue,
  JWT_FEATURES,
  openAt,
  SOURCE_OPS,
  wantHeader,
  wantNoSource,
  wantYes,
  workloadApi,
  X509_FEATURES,
} from '../workload-stage.ts';
import { type World } from '../world.ts';

const VARIABLE = 'SPIFFE_ENDPOINT_SOCKET';
const FALLBACK = 'env/fallback';

/** Where the port finds a Workload API, and what all its calls have in common. */
export function workloadApiEndpointDrafts(): readonly BehaviourDraft[] {
  return [...environmentDrafts(), ...headerDrafts(), plaintext()];
}

function environmentDrafts(): readonly BehaviourDraft[] {
  const draft = (
    row: number,
    id: string,
    title: string,
    why: string,
    script: BehaviourDraft['script'],
  ): BehaviourDraft => ({
    row,
    id,
    title,
    why,
    level: 'must',
    spec: WORKLOAD.fallback,
    ops: SOURCE_OPS,
    features: X509_FEATURES,
    ...(id === FALLBACK ? {} : { control: FALLBACK }),
    script,
  });
  return [
    draft(
      374,
      FALLBACK,
      'without an address the one in the environment counts',
      'platforms say by that variable where their agent is',
      async (world) => {
        const api = await identityApi(world);
        await withVariable(world, api.address, async () => {
          const source = await openAt(world, {});
          await source.until({ state: 'ready' }, 'an SVID of the Workload API in the environment');
          want(api.x509.calls.length > 0, 'it has an SVID, and did not ask for one');
        });
      },
    ),
    draft(
      375,
      'env/explicit-wins',
      'an address that is given counts, and the one in the environment is left alone',
      'who names an agent wants that one',
      async (world) => {
        const [api, other] = [await identityApi(world), await identityApi(world)];
        await withVariable(world, other.address, async () => {
          const source = await openAt(world, { address: api.address });
          await source.until({ state: 'ready' }, 'an SVID of the Workload API that was given');
          wantSame('calls to the one in the environment', other.x509.calls.length, 0);
        });
      },
    ),
    draft(
      376,
      'env/unset-error',
      'without an address anywhere no source is opened',
      'a guess would be a socket of somebody else',
      (world) => withVariable(world, undefined, () => wantNoSource(world, {}, 'no address')),
    ),
    draft(
      377,
      'env/empty',
      'a variable that is empty is no address',
      'templates leave empty variables behind',
      (world) => withVariable(world, '', () => wantNoSource(world, {}, 'an empty address')),
    ),
  ];
}

function headerDrafts(): readonly BehaviourDraft[] {
  const header = (
    method: string,
    ops: BehaviourDraft['ops'],
    call: (world: World, api: WorkloadApiServer) => Promise<WorkloadMethod>,
    features?: readonly string[],
  ): BehaviourDraft => ({
    row: 379,
    id: `header/security-on-every-call[rpc=${method}]`,
    title: `the security header is in calls of ${method}`,
    why: 'an agent refuses what could be a forged request, and trying again does not help',
    level: 'must',
    spec: WORKLOAD.header,
    ops,
    ...(features === undefined ? {} : { features }),
    async script(world) {
      const { calls } = await call(world, await identityApi(world));
      wantSame('whether there was a call', calls.length > 0, true);
      for (const one of calls) wantHeader(one);
    },
  });
  const authority = jwtAuthority('a.test');
  const id = 'spiffe://a.test/port';
  const audience = 'spiffe://b.test/db';
  return [
    header(
      'fetch-x509-svid',
      SOURCE_OPS,
      async (world, api) => {
        const source = await openAt(world, { address: api.address });
        await source.until({ state: 'ready' }, 'an SVID');
        return api.x509;
      },
      X509_FEATURES,
    ),
    header('fetch-x509-bundles', ['workload.x509Bundles'], async (world, api) => {
      api.x509Bundles.publish(x509BundlesMessage([await world.pki.root()]));
      await wantYes(world, 'workload.x509Bundles', { address: api.address }, 'the call');
      return api.x509Bundles;
    }),
    header('fetch-jwt-svid', ['workload.jwt'], async (world, api) => {
      api.jwt.reply(() => jwtMessage({ id, token: authority.issue({ subject: id, audience }) }));
      await wantYes(world, 'workload.jwt', { address: api.address, audience: [audience] }, 'the call');
      return api.jwt;
    }),
    header(
      'fetch-jwt-bundles',
      ['source.open'],
      async (world, api) => {
        api.jwtBundles.publish(jwtBundlesMessage({ 'a.test': authority.jwks() }));
        await openAt(world, { address: api.address }, 'workloadApiJwt');
        await api.jwtBundles.received(1);
        return api.jwtBundles;
      },
      JWT_FEATURES,
    ),
    header('validate-jwt-svid', ['workload.validateJwt'], async (world, api) => {
      const exp = Math.floor(Date.now() / 1000) + 300;
      api.validate.reply(() => validationMessage(id, { sub: id, aud: [audience], exp }));
      const token = authority.issue({ subject: id, audience });
      await wantYes(world, 'workload.validateJwt', { address: api.address, token, audience }, 'the call');
      return api.validate;
    }),
  ];
}

function plaintext(): BehaviourDraft {
  return {
    row: 380,
    id: 'tls/never-required',
    title: 'an address of TCP is asked without TLS, by who asks such addresses',
    why: 'nobody has roots to verify the agent with before the agent has given them',
    level: 'choice',
    spec: WORKLOAD.noTls,
    branches: ['plaintext', 'refused'],
    ops: SOURCE_OPS,
    features: X509_FEATURES,
    control: 'x509/first-message',
    async script(world) {
      const api = await identityApi(world, 'tcp');
      const answer = await world.ask('source.open', { kind: 'workloadApi', address: api.address });
      if (answer.kind === 'ok') {
        const source = new SourceUnderTest(world, textMember(answer.value, 'handle'));
        const isOver = (state: unknown): boolean => state === 'ready' || state === 'failed';
        const snapshot = await source.eventually('an SVID over TCP, or an end', (one) =>
          isOver(member(one, 'state')),
        );
        if (member(snapshot, 'state') === 'ready') return 'plaintext';
      }
      wantSame('connections of a client that refuses the address', api.connections, 0);
      return 'refused';
    },
  };
}

/** A Workload API that gives an SVID. */
async function identityApi(world: World, transport?: 'tcp'): Promise<WorkloadApiServer> {
  const api = await workloadApi(world, transport === undefined ? {} : { transport });
  api.x509.publish(x509Message([{ svid: await issue(world), bundle: await world.pki.root() }]));
  return api;
}

/** Plays with an adapter that has the variable, or has it not. */
async function withVariable(
  world: World,
  value: string | undefined,
  body: () => Promise<void>,
): Promise<void> {
  await world.restartIn({ [VARIABLE]: value });
  try {
    await body();
  } finally {
    await world.restartIn(undefined);
  }
}
