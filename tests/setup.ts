import { join } from 'node:path';

// Hundreds of processes are started from the same sources, which lose their types and are compiled once for all of them.
// Not for the workers themselves: some load hundreds of changed copies of a source.
process.env['NODE_COMPILE_CACHE'] = join(import.meta.dirname, '../node_modules/.cache/compiled');
