// `npm run interop -- COMMAND [options]`: svidkit against real software of others.
import { driversCommand } from './drivers/command.ts';
import { spireCommand } from './spire/command.ts';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  drivers: driversCommand,
  spire: spireCommand,
};

const [name, ...args] = process.argv.slice(2);
const command = name === undefined ? undefined : COMMANDS[name];
if (command === undefined) {
  console.log(`usage: npm run interop -- COMMAND [options]

  drivers   database and broker drivers against real servers
  spire     SPIRE, spiffe-helper and go-spiffe, with workloads of several local users

Each command has --help.`);
  process.exit(name === '--help' || name === '-h' ? 0 : 2);
}
process.exit(await command(args));
