import { type Patient } from '../doctor/check.ts';
import { CHECKS } from '../doctor/checks.ts';
import { EXIT } from '../exit-code.ts';
import { AdapterHost, HELLO_MS } from '../protocol/adapter-host.ts';
import { AdapterProcess } from '../protocol/adapter-process.ts';
import { count, harmless } from '../terminal-text.ts';
import { loadSuites } from '../vectors/load-suites.ts';
import { type Case } from '../vectors/vector.ts';
import { type CliIo } from './cli-io.ts';
import { numberOf, readCommandLine, requireAdapter, socketOf } from './command-line.ts';

const DOCTOR_HELP = `Usage: spiffe-conformance doctor [--timeout-factor N] [--transport unix:PATH] -- <adapter> [arguments]

Checks that an adapter speaks protocol 1: both ends, limits, and the ways in which it has to end. No case is scored.
`;

/** Checks that an adapter speaks the protocol, and says who is wrong where it does not. */
export async function doctorCommand(argv: readonly string[], io: CliIo): Promise<number> {
  const line = readCommandLine(argv, { 'timeout-factor': 'one', transport: 'one', help: 'flag' });
  if (line.flag('help')) {
    io.stdout.write(DOCTOR_HELP);
    return EXIT.passed;
  }
  const command = requireAdapter(line);
  const timeoutFactor = numberOf(line, 'timeout-factor', 0.01, false) ?? 1;
  const socket = socketOf(line);
  const remarks: string[] = [];
  const listener = {
    noise: (text: string) =>
      void remarks.push(`prints to stdout what is no message: ${harmless(text).slice(0, 80)}`),
    misconduct: (detail: string) => void remarks.push(detail),
  };
  const host = new AdapterHost(command, { timeoutFactor, listener, socket });
  const hello = await host.hello();
  const { name, version, language } = hello.implementation;
  io.stdout.write(`ok   hello/common-version: ${harmless(`${name} ${version} (${language})`)}\n`);
  host.kill();

  const samples = new Map<string, Case>();
  for (const { cases } of loadSuites()) {
    for (const one of cases) if ('ok' in one.expect && !samples.has(one.op)) samples.set(one.op, one);
  }
  const patient: Patient = {
    hello,
    samples,
    deadlineMs: Math.ceil(HELLO_MS * timeoutFactor),
    start: () => new AdapterProcess(command, { listener, timeoutFactor, socket }),
  };
  let failed = 0;
  for (const check of CHECKS) {
    if (io.interrupted.aborted) return EXIT.interrupted;
    const begun = remarks.length;
    const found = await check.run(patient);
    const problem = found ?? remarks[begun];
    if (problem === undefined) io.stdout.write(`ok   ${check.name}\n`);
    else if (typeof problem === 'object') io.stdout.write(`skip ${check.name}: ${problem.skip}\n`);
    else {
      failed++;
      io.stdout.write(`FAIL ${check.name}: the adapter ${harmless(problem)}\n`);
    }
  }
  io.stdout.write(
    failed === 0
      ? 'The adapter speaks protocol 1.\n'
      : `${count(failed, 'check')} failed: the adapter is wrong.\n`,
  );
  return failed === 0 ? EXIT.passed : EXIT.failed;
}
