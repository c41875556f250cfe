// A program (also as a worker thread or a cluster worker) that opens a mount and says each SPIFFE ID that it uses.
import cluster from 'node:cluster';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import { openMountedX509Source } from '../src/open-mounted-x509-source.ts';

const directory = isMainThread ? (process.argv[2] ?? '') : String(workerData);
const watch = process.argv[3] !== 'poll';

function say(id: string): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
  if (parentPort !== null) parentPort.postMessage(id);
  else if (cluster.isWorker || process.send !== undefined) process.send?.(id);
  else process.stdout.write(`${id}\n`);
}

const source = await openMountedX509Source({ directory, env: {}, pollIntervalMs: 50, watch });
source.onUpdate((context) => {
  if (context !== undefined) say(context.svid.id.path);
});
say(source.current.svid.id.path);
// The source does not keep the process alive; listening to the parent does.
(parentPort ?? process).on('message', () => undefined);
