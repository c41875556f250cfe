// A program that opens a mount and has nothing else to do.
import { openMountedX509Source } from '../src/open-mounted-x509-source.ts';

const [, , directory = '', wait = '0'] = process.argv;
const startMs = performance.now();
try {
  const source = await openMountedX509Source({ directory, env: {}, wait: Number(wait) });
  process.stdout.write(`${source.current.svid.id.path}\n`);
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  process.stdout.write(`${code} ${performance.now() - startMs >= Number(wait) * 0.9}\n`);
}
