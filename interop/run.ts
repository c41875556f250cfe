// `npm run interop -- COMMAND [options]`: svidkit against real software of others.
import { conformanceCommand } from './conformance/command.ts';
import { driversCommand } from './drivers/command.ts';
import { skeletonsCommand } from './skeletons/command.ts';
import { spireCommand } from './spire/command.ts';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  conformance: conformanceCommand,
  drivers: driversCommand,
  skeletons: skeletonsCommand,
  spire: spireCommand,
};

const [name, ...args] = process.argv.slice(2);
const command = name === undefined ? undefined : COMMANDS[name];
if (command === undefined) {
  console.log(`usage: npm run interop -- COMMAND [options]

  conformance   the conformance kit against SPIFFE libraries of other languages
  drivers       database and broker drivers against real servers
  skeletons     the adapters that the conformance kit begins with, in each language
  spire         SPIRE, spiffe-helper and go-spiffe, with workloads of several local users

Each command has --help.`);
  process.exit(name === '--help' || name === '-h' ? 0 : 2);
}
process.exit(await command(args));
