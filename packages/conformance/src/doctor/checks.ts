import { allSuites } from '../all-suites.ts';
import { type JsonObject } from '../json.ts';
import { fingerprint, type Outcome } from '../protocol/outcome.ts';
import { PROFILE_OF } from '../vectors/load-suites.ts';
import { ask, type Check, greeted, isAnswer, isSame, type Patient } from './check.ts';

const PIPELINED = 20;
const LARGE = 1024 * 1024;

/** What an adapter has to do to be run at all; the names are those of the catalogue. */
export const CHECKS: readonly Check[] = [
  {
    name: 'hello/no-common-version',
    run: async (patient) => {
      const adapter = patient.start();
      const outcome = await adapter.call('hello', { protocol: [999] }, { deadlineMs: patient.deadlineMs });
      adapter.kill();
      const claimed = outcome.kind === 'ok' ? outcome.value['protocol'] : undefined;
      if (claimed === 999) return 'agrees to a protocol that does not exist';
      return isAnswer(outcome) ? undefined : wrong(outcome);
    },
  },
  {
    name: 'op/unknown-unsupported',
    run: async (patient) =>
      wantUnsupported(await ask(patient, 'kit.noSuchOperation', {}), 'an unknown operation'),
  },
  {
    name: 'msg/unknown-members-ignored',
    run: (patient) =>
      sameAnswer(patient, 'a member that nobody knows', {
        encode: (line) => line.replace('{', '{"x-unknown":[1,{"id":99},"\u2028"],'),
      }),
  },
  {
    name: 'needs/unknown-unsupported',
    run: async (patient) => {
      const sample = sampleOf(patient);
      if (sample === undefined) return NO_SAMPLE;
      return wantUnsupported(
        await ask(patient, sample.op, sample.params, { needs: ['kit.noSuchNeed'] }),
        'a need that nobody knows',
      );
    },
  },
  {
    name: 'line/1MiB',
    run: async (patient) => {
      const sample = sampleOf(patient);
      if (sample === undefined) return NO_SAMPLE;
      const outcome = await ask(patient, sample.op, { ...sample.params, 'x-padding': 'a'.repeat(LARGE) });
      return isAnswer(outcome) ? undefined : wrong(outcome);
    },
  },
  {
    name: 'line/unicode-escapes',
    run: (patient) =>
      sameAnswer(patient, 'the same text in \\u escapes', {
        encode: (line) => line.replaceAll(/(?<=[:[]")[a-z](?=[^"]*")/g, (letter) => escaped(letter)),
      }),
  },
  {
    name: 'order/pipelined-ids',
    run: async (patient) => {
      const sample = sampleOf(patient);
      if (sample === undefined) return NO_SAMPLE;
      const { op, params } = sample;
      const adapter = await greeted(patient);
      const calls = Array.from({ length: PIPELINED }, () =>
        adapter.call(op, params, { deadlineMs: patient.deadlineMs }),
      );
      const outcomes = await Promise.all(calls);
      adapter.kill();
      const bad = outcomes.find((outcome) => !isAnswer(outcome));
      return bad === undefined ? undefined : `${wrong(bad)} when ${PIPELINED} calls are sent at once`;
    },
  },
  {
    name: 'reset/closes-handles',
    run: async (patient) => {
      const adapter = await greeted(patient);
      const call = (op: string, params: JsonObject): Promise<Outcome> =>
        adapter.call(op, params, { deadlineMs: patient.deadlineMs });
      const { capabilities } = patient.hello;
      // A mount without an identity: a source of it is open, and waits.
      const params = { kind: 'mount', dir: '/nonexistent/mount', layout: 'split', options: {} };
      const canOpen =
        capabilities.ops.has('source.open') &&
        capabilities.ops.has('source.get') &&
        capabilities.has('sources:mount');
      const opened = canOpen ? await call('source.open', params) : undefined;
      const outcome = await call('reset', {});
      const handle = opened?.kind === 'ok' ? opened.value['handle'] : undefined;
      const after = typeof handle === 'string' ? await call('source.get', { handle }) : undefined;
      adapter.kill();
      if (after?.kind === 'ok') return 'has a source open after reset';
      return outcome.kind === 'ok' || outcome.kind === 'unsupported' ? undefined : wrong(outcome);
    },
  },
  {
    name: 'bye/exits-0',
    run: async (patient) => (await (await greeted(patient)).end()).problem,
  },
  {
    name: 'eof/exits',
    run: async (patient) => (await (await greeted(patient)).endInput()).problem,
  },
  {
    name: 'sigterm/exits',
    run: async (patient) => (await (await greeted(patient)).terminate()).problem,
  },
  {
    name: 'caps/declared-ops-exist',
    run: async (patient) => {
      const adapter = await greeted(patient);
      const missing: string[] = [];
      for (const op of patient.hello.capabilities.ops) {
        const params = patient.samples.get(op)?.params ?? {};
        const outcome = await adapter.call(op, params, { deadlineMs: patient.deadlineMs });
        if (outcome.kind === 'unsupported') missing.push(op);
        else if (!isAnswer(outcome)) return `${wrong(outcome)} when asked for ${op}`;
      }
      adapter.kill();
      return missing.length === 0 ? undefined : `declares what it does not have: ${missing.join(', ')}`;
    },
  },
  {
    name: 'caps/profiles-have-ops',
    run: (patient) => {
      const { ops, profiles } = patient.hello.capabilities;
      const lacking = allSuites().flatMap(({ suite, cases }) =>
        profiles.includes(PROFILE_OF[suite] ?? '')
          ? cases.map(({ op }) => op).filter((op) => !ops.has(op))
          : [],
      );
      return Promise.resolve(
        lacking.length === 0
          ? undefined
          : `declares a profile without ${[...new Set(lacking)].join(', ')}, which belongs to it`,
      );
    },
  },
  {
    name: 'honesty/case-name-shuffled',
    run: (patient) => sameAnswer(patient, 'the name of another case', { caseId: 'reject/everything/always' }),
  },
];

const NO_SAMPLE = { skip: 'it declares no operation that this kit has a case for' };

function sampleOf({
  samples,
  hello,
}: Patient): { op: string; params: Parameters<typeof ask>[2] } | undefined {
  const op = [...hello.capabilities.ops].find((one) => samples.has(one));
  const sample = op === undefined ? undefined : samples.get(op);
  return sample === undefined ? undefined : { op: sample.op, params: sample.params };
}

async function sameAnswer(
  patient: Patient,
  what: string,
  options: Parameters<typeof ask>[3],
): Promise<string | undefined | typeof NO_SAMPLE> {
  const sample = sampleOf(patient);
  if (sample === undefined) return NO_SAMPLE;
  const plain = await ask(patient, sample.op, sample.params);
  const changed = await ask(patient, sample.op, sample.params, options);
  if (!isAnswer(changed)) return `${wrong(changed)} when sent ${what}`;
  return isSame(plain, changed)
    ? undefined
    : `answers ${fingerprint(changed)} in place of ${fingerprint(plain)} when sent ${what}`;
}

function wantUnsupported(outcome: Outcome, what: string): string | undefined {
  if (outcome.kind === 'unsupported') return undefined;
  return isAnswer(outcome) ? `answers ${what} with ${outcome.kind}, not with unsupported` : wrong(outcome);
}

function wrong(outcome: Outcome): string {
  if (!('detail' in outcome)) return `answers with ${fingerprint(outcome)}`;
  return outcome.kind === 'timeout' ? `gave ${outcome.detail}` : outcome.detail;
}

function escaped(letter: string): string {
  return String.raw`\u` + letter.charCodeAt(0).toString(16).padStart(4, '0');
}
