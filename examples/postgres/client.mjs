// Asks the database who it thinks we are, for each line that comes in, over one pool that is made once.
import { createInterface } from 'node:readline';

import { pgOptions } from '@svidkit/tls/drivers';
import pg from 'pg';
import { authorizeId, workloadIdentity } from 'svidkit';

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const pool = new pg.Pool({
  host: 'localhost',
  port: Number(port),
  user: 'app',
  database: 'postgres',
  ...pgOptions(identity.source, { authorize: authorizeId('spiffe://prod.example/db') }),
  // Each query over a connection of its own, so that the example shows the identity of now.
  maxUses: 1,
});
// Connections in the pool end with the identities that they were made with.
pool.on('error', () => {});

console.log(`ready as ${identity.id.toString()}`);
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const { rows } = await pool.query(
      'SELECT usename, version, client_serial FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE pid = pg_backend_pid()',
    );
    const [{ usename, version, client_serial: serial }] = rows;
    const isCurrent = BigInt(serial) === BigInt(`0x${identity.source.current.svid.leaf.serialNumber}`);
    console.log(`${line}: ${usename} over ${version} with ${isCurrent ? 'the SVID of now' : 'another SVID'}`);
  } catch (error) {
    console.log(`${line}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
await pool.end();
await identity.close();
