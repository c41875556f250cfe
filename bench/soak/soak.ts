// `npm run soak -- [--for 10m] [--rotations N] [--seed N] [--json FILE]`: two services in processes of their own call
// each other over every transport while their mounts rotate and go wrong. Exit 1 on any failed or misattributed request.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { createTestCa } from '@svidkit/testkit';

import { formatDuration, parseDuration } from '../../examples/demo/src/duration.ts';
import { Random } from '../../packages/core/test/oracle/random.ts';
import { growthOf, MEASURABLE, type Sample } from './growth.ts';
import { Performer } from './performer.ts';
import { KINDS, Weather } from './weather.ts';

const USAGE = `usage: npm run soak -- [--for 10m] [--rotations N] [--seed N] [--json FILE]

Two services call each other over https, undici, http2 and gRPC without a pause, while their mounts rotate as fast as both
follow: good SVIDs, one in four spoilt before, and a new root one time in fifty.

  --for        how long (10m); units: ms, s, m, h
  --rotations  ends after so many, if that comes first
  --seed       of what is spoilt, and how (by chance; printed)
  --json       writes the summary there

Exit 1 on any failed request, one that was made or seen under another identity, growth beyond the bars (over the later
half of the rotations, 1 KiB of resident set for each, and no descriptors), or when so many rotations were asked for that
growth can be measured (6,000) and there was no time for them.`;
const MOST_BYTES_PER_ROTATION = 1_024;
const MOST_DESCRIPTORS = 32;
const PROGRESS_MS = 10_000;
/** Rotations between two looks at what is held. */
const SAMPLED_EACH = 250;

const { values } = parseArgs({
  options: {
    for: { type: 'string', default: '10m' },
    rotations: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  console.log(USAGE);
  process.exit(0);
}
const duration = parseDuration(values.for);
const most = values.rotations === undefined ? Infinity : Number(values.rotations);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
if (duration === undefined || !(most > 0) || !Number.isInteger(seed)) {
  console.error(USAGE);
  process.exit(2);
}

const problems: string[] = [];
const note = (text: string): void => {
  problems.push(text);
  console.error(`PROBLEM ${text}`);
};
const [one, other] = ['left', 'right'].map((path) => new Performer(`spiffe://soak.example/${path}`)) as [
  Performer,
  Performer,
];
const performers = [one, other];
const weather = new Weather(
  await createTestCa({ trustDomain: 'soak.example' }),
  performers,
  new Random(seed),
);
const begun = performance.now();
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
console.log(`seed ${seed}, for ${formatDuration(duration)}, Node.js ${process.version}`);

/** What each service held, again and again. */
const samples = performers.map((): Sample[] => []);
try {
  await weather.begin();
  const ports = await Promise.all([one.start(other.id, note), other.start(one.id, note)]);
  one.tell({ do: 'call', ports: ports[1] });
  other.tell({ do: 'call', ports: ports[0] });
  let progressAt = begun + PROGRESS_MS;
  while (performance.now() - begun < duration && rotations() < most && !interrupted.signal.aborted) {
    await weather.next();
    if (rotations() >= (samples[0]?.at(-1)?.rotations ?? 0) + SAMPLED_EACH) await sample();
    if (performance.now() < progressAt) continue;
    progressAt += PROGRESS_MS;
    console.log(progress());
  }
  await sample();
  await Promise.all(performers.map((performer) => performer.stop()));
} catch (error) {
  note(error instanceof Error ? error.message : String(error));
} finally {
  await Promise.all(performers.map((performer) => performer.end()));
}

async function sample(): Promise<void> {
  await Promise.all(
    performers.map(async (performer, i) => {
      const held = await performer.measure();
      samples[i]?.push({ ...held, rotations: rotations() });
    }),
  );
}

function rotations(): number {
  return (weather.counts['rotation'] ?? 0) + 3 * (weather.counts['root rotation'] ?? 0);
}

function total(count: 'requests' | 'failed' | 'wrong'): number {
  return one.counts[count] + other.counts[count];
}

function progress(): string {
  const passed = formatDuration(performance.now() - begun);
  return `${passed}: ${rotations()} rotations of both, ${total('requests')} requests, ${total('failed')} failed, ${total('wrong')} under a wrong identity`;
}

/** How the one that grew more did; undefined for a shorter run. */
const [grown] = samples.flatMap((each) => growthOf(each) ?? []).toSorted((a, b) => b.rss - a.rss);
if (grown === undefined && most !== Infinity && most >= MEASURABLE) {
  note(`growth was not measured: ${rotations()} of ${most} rotations in this time`);
}
if (grown !== undefined && grown.rss > MOST_BYTES_PER_ROTATION) {
  note(`the resident set grew ${grown.rss} bytes for each rotation`);
}
if (grown !== undefined && grown.descriptors > MOST_DESCRIPTORS) {
  note(`${grown.descriptors} descriptors more are open`);
}
if (total('requests') === 0) note('there was no request');
if (rotations() === 0) note('there was no rotation');
const summary = {
  seed,
  node: process.version,
  tookMs: Math.round(performance.now() - begun),
  rotations: rotations(),
  requests: total('requests'),
  failed: total('failed'),
  wrongIdentity: total('wrong'),
  published: Object.fromEntries(KINDS.map((kind) => [kind, weather.counts[kind] ?? 0])),
  growth: grown ?? 'not measured: fewer than 6,000 rotations',
  samples: samples.map((each, i) => ({ of: performers[i]?.id, each })),
  problems,
};
console.log(progress());
console.log(KINDS.map((kind) => `${kind}: ${weather.counts[kind] ?? 0}`).join(', '));
console.log(
  grown === undefined
    ? 'growth: not measured (fewer than 6,000 rotations)'
    : `growth since rotation ${grown.from}, for each: ${grown.rss} bytes of resident set (bar 1,024), of JavaScript ${grown.heapUsed}; ${grown.descriptors} descriptors in all`,
);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summary, null, 2)}\n`);
process.exitCode = problems.length === 0 && summary.failed === 0 && summary.wrongIdentity === 0 ? 0 : 1;
