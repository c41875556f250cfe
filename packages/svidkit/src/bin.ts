#!/usr/bin/env node
import { systemClock } from '@svidkit/core';

import { runCli } from './run-cli.ts';

const { stdout, stderr } = process;
// A reader that went away (`svidkit inspect | head`) is no failure of ours.
stdout.on('error', () => {});
// oxlint-disable-next-line node/no-process-env -- the one place of this package
const { env } = process;
void main();

async function main(): Promise<void> {
  process.exitCode = await runCli(process.argv.slice(2), { stdout, stderr, env, clock: systemClock });
}
