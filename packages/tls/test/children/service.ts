// A service that says whom it sees: alone, in two cluster workers, or in two worker threads. Prints the ports it
// listens on as JSON. The file given as argument holds its identity and its bundle.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { isMainThread, parentPort, threadId, Worker } from 'node:worker_threads';

import {
  authorizeMemberOf,
  BundleSet,
  staticX509Source,
  TrustDomain,
  X509Bundle,
  X509Svid,
} from '@svidkit/core';
import { createHttpsServer, peerOf } from '@svidkit/tls';

const WIDTH = 2;

async function serve(): Promise<number> {
  const { certPem, keyPem, bundlePem } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Record<
    string,
    string
  >;
  const source = staticX509Source({
    svid: X509Svid.fromPem({ certificates: certPem ?? '', privateKey: keyPem ?? '' }),
    bundles: BundleSet.of(X509Bundle.fromPem(TrustDomain.parse('a.test'), bundlePem ?? '')),
  });
  const server = createHttpsServer(
    source,
    { authorize: authorizeMemberOf('a.test') },
    (request, response) => {
      const { id, certificate } = peerOf(request);
      const place = cluster.worker?.id ?? threadId;
      response.end(`peer=${id.toString()} serial=${certificate.serialNumber} place=${place}\n`);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function main(mode: string | undefined): Promise<void> {
  if (cluster.isWorker) {
    await serve();
    process.send?.('ready');
  } else if (!isMainThread) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a worker has no origin
    parentPort?.postMessage(await serve());
  } else if (mode === 'cluster') {
    // In cluster workers port 0 is the same random port for all; it is served in turn.
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ args: process.argv.slice(2) });
    const ports = new Set<number>();
    cluster.on('listening', (_, { port }) => ports.add(port));
    for (let count = 0; count < WIDTH; count += 1) await once(cluster.fork(), 'message');
    console.log(JSON.stringify([...ports]));
  } else if (mode === 'threads') {
    const workers = Array.from(
      { length: WIDTH },
      () => new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }),
    );
    const messages = await Promise.all(workers.map((worker) => once(worker, 'message') as Promise<[number]>));
    console.log(JSON.stringify(messages.map(([port]) => port)));
  } else {
    console.log(JSON.stringify([await serve()]));
  }
}

await main(process.argv[3]);
