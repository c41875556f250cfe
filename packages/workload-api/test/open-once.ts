// Opens a source at the address given, and prints the error as JSON.
import { openWorkloadApiX509Source } from '../src/index.ts';

const [, , address = ''] = process.argv;
try {
  const source = await openWorkloadApiX509Source({ address, wait: 0 });
  console.log(JSON.stringify({ id: source.current.svid.id.toString() }));
  await source.close();
} catch (error) {
  const { cause } = error as Error;
  console.log(JSON.stringify({ ...(error as { toJSON(): object }).toJSON(), cause }));
}
