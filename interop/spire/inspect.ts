import { dirname, extname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { type InspectReport } from 'svidkit';

import { type SpireAgent } from './spire-agent.ts';
import { type Stage } from './stage.ts';

/** What `svidkit inspect` says to a local user whose environment names the Workload API of an agent. */
export async function inspect(
  stage: Stage,
  { socket }: SpireAgent,
  uid: number,
): Promise<{ readonly exitCode: number | null; readonly report: InspectReport }> {
  const index = fileURLToPath(import.meta.resolve('svidkit'));
  const program = stage.start({
    name: stage.name('inspect'),
    command: process.execPath,
    args: [...process.execArgv, join(dirname(index), `bin${extname(index)}`), 'inspect', '--json'],
    env: { SPIFFE_ENDPOINT_SOCKET: `unix://${socket}` },
    uid,
    piped: true,
  });
  const said = await text(program.output);
  return { exitCode: await program.ended(), report: JSON.parse(said) as InspectReport };
}
