// Connects to the broker for each line that comes in, which names the kind of options.
import { createInterface } from 'node:readline';

import { tlsClientOptions } from '@svidkit/tls';
import { kafkajsOptions } from '@svidkit/tls/drivers';
import { Kafka, logLevel } from 'kafkajs';
import { authorizeId, workloadIdentity } from 'svidkit';

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
const authorize = authorizeId('spiffe://prod.example/broker');
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const common = {
  clientId: 'web',
  brokers: [`localhost:${port}`],
  retry: { retries: 0 },
  logLevel: logLevel.NOTHING,
};
/** @type {Record<string, Kafka>} Each made once, and never again. */
const clients = {
  kafkajsOptions: new Kafka({ ...common, ...kafkajsOptions(identity.source, { authorize }) }),
  tlsClientOptions: new Kafka({ ...common, ssl: tlsClientOptions(identity.source, { authorize }) }),
};

console.log(`ready as ${identity.id.toString()}`);
for await (const line of createInterface({ input: process.stdin })) {
  const admin = clients[line]?.admin();
  try {
    await admin?.connect();
    console.log(`${line}: connected`);
  } catch (error) {
    console.log(`${line}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await admin?.disconnect();
  }
}
await identity.close();
