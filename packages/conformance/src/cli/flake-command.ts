import { allSuites } from '../all-suites.ts';
import { EXIT, KitFailure } from '../exit-code.ts';
import { AdapterHost } from '../protocol/adapter-host.ts';
import { type CaseResult, isBad, isExecuted, isKitFailure } from '../run/result.ts';
import { CaseRunner } from '../run/run-cases.ts';
import { newSeed, seededOrder } from '../run/seeded-order.ts';
import { selectCases } from '../run/select-cases.ts';
import { count, harmless } from '../terminal-text.ts';
import { type CliIo } from './cli-io.ts';
import { numberOf, readCommandLine, requireAdapter, socketOf } from './command-line.ts';
import { requireSoundKit } from './require-sound-kit.ts';
import { readSelection, SELECTION_KINDS } from './run-options.ts';

const FLAKE_HELP = `Usage: spiffe-conformance flake [options] -- <adapter> [arguments]

Plays the cases of behaviour over and over, in an order of its own each time, and wants every time to pass.

  --executions N              how many in all, spread evenly; each case is played three times at least. Default: 1000
  --seed TEXT                 of orders and schedules
  --suite NAME  --case PATTERN  --profile NAME  --level LEVEL  --shard 2/4  --quick
  --timeout-factor N          for slow machines
  --transport unix:PATH       as for run
  --evidence FOLDER           steps and files of executions that fail
  --keep                      of all, and their directories

Exit codes: 0 passed each time, 1 failed once, 2 usage, 3 adapter, 4 kit or nothing executed, 130 interrupted.
`;
const LEAST_ROUNDS = 3;

/** Plays cases over and over: a case that fails once in a thousand is a case that nobody believes. */
export async function flakeCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const line = readCommandLine(argv, {
    ...SELECTION_KINDS,
    executions: 'one',
    seed: 'one',
    'timeout-factor': 'one',
    transport: 'one',
    evidence: 'one',
    keep: 'flag',
    help: 'flag',
  });
  if (line.flag('help')) {
    io.stdout.write(FLAKE_HELP);
    return EXIT.passed;
  }
  const seed = line.one('seed') ?? newSeed();
  const files = allSuites();
  const all = new Map(files.flatMap(({ cases }) => cases.map((one) => [one.id, one] as const)));
  const selected = selectCases(files, readSelection(line))
    .map((one) => one.case)
    .filter(({ behaviour }) => behaviour !== undefined);
  if (selected.length === 0) throw new KitFailure(EXIT.kit, 'not a single case of behaviour was selected');
  const executions = numberOf(line, 'executions', 1, true) ?? 1000;

  const misconduct: string[] = [];
  const host = new AdapterHost(requireAdapter(line), {
    timeoutFactor: numberOf(line, 'timeout-factor', 0.01, false) ?? 1,
    socket: socketOf(line),
    listener: { noise: () => {}, misconduct: (detail) => void misconduct.push(detail) },
  });
  const stop = (): void => host.kill();
  io.interrupted.addEventListener('abort', stop, { once: true });
  const played = new Map<string, number>();
  const ownFailures: CaseResult[] = [];
  let failed = 0;
  let total = 0;
  let slowestMs = 0;
  io.stdout.write(`seed ${seed}\n`);
  try {
    for (let round = 1; !isEnough(round, total, executions) && !io.interrupted.aborted; round++) {
      // Nothing is remembered from one round to the next, controls neither.
      const runner = new CaseRunner(host, all, {
        codes: 'warn',
        against: 'spec',
        known: () => undefined,
        repeat: 1,
        isolation: 'run',
        at: undefined,
        play: { seed: `${seed}.${round}`, keep: line.flag('keep'), evidence: line.one('evidence') },
      });
      let ofRound = 0;
      for (const one of seededOrder(selected, `${seed}.${round}`, ({ id }) => id)) {
        if (io.interrupted.aborted) break;
        const result = await runner.run(one);
        if (isExecuted(result.status)) {
          ofRound++;
          played.set(one.id, (played.get(one.id) ?? 0) + 1);
        }
        slowestMs = Math.max(slowestMs, result.convergenceMs ?? 0);
        if (isKitFailure(result)) ownFailures.push(result);
        if (!isBad(result.status)) continue;
        failed++;
        io.stdout.write(`  round ${round}: ${result.status} ${one.id}: ${harmless(result.reason ?? '')}\n`);
      }
      total += ofRound;
      if (ofRound === 0) throw new KitFailure(EXIT.kit, 'not a single case was executed');
      io.stdout.write(`round ${round}: ${total} executions, ${failed} failed\n`);
    }
    if (!io.interrupted.aborted) await host.end();
  } finally {
    io.interrupted.removeEventListener('abort', stop);
    host.kill();
  }
  for (const detail of new Set(misconduct)) io.stdout.write(`the adapter ${harmless(detail)}\n`);
  const least = Math.min(...played.values());
  io.stdout.write(
    `${count(total, 'execution')} of ${count(played.size, 'case')}, each at least ${least} times: ${failed + misconduct.length} failed; slowest change ${slowestMs} ms; seed ${seed}\n`,
  );
  if (io.interrupted.aborted) return EXIT.interrupted;
  requireSoundKit(ownFailures);
  return failed + misconduct.length === 0 ? EXIT.passed : EXIT.failed;
}

/** Whether this round is not needed any more. */
function isEnough(round: number, total: number, executions: number): boolean {
  return round > LEAST_ROUNDS && total >= executions;
}
