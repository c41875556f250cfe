// Becomes a user who owns nothing, opens a source at the address given, and prints the error as JSON.
import { openWorkloadApiX509Source } from '../src/index.ts';

const NOBODY = 65_534;
const [, , address = ''] = process.argv;
// Not by `spawn`: this user may not be able to read Node.js and the sources.
process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
try {
  const source = await openWorkloadApiX509Source({ address, wait: 0 });
  console.log(JSON.stringify({ id: source.current.svid.id.toString() }));
  await source.close();
} catch (error) {
  const { cause } = error as Error;
  console.log(JSON.stringify({ ...(error as { toJSON(): object }).toJSON(), cause }));
}
