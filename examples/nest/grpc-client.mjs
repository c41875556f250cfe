// Calls the till for the method on each line that comes in. `ClientsModule.register` of Nest takes the same credentials.
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { createChannelCredentials } from '@svidkit/grpc';
import { firstValueFrom } from 'rxjs';
import { authorizeId, workloadIdentity } from 'svidkit';

const [port] = process.argv.slice(2);
const identity = await workloadIdentity();
identity.source.onUpdate((context) => {
  if (context !== undefined) console.log('identity renewed');
});

const client = ClientProxyFactory.create({
  transport: Transport.GRPC,
  options: {
    package: 'till',
    protoPath: join(import.meta.dirname, 'till.proto'),
    url: `127.0.0.1:${port}`,
    credentials: createChannelCredentials(identity.source, {
      authorize: authorizeId('spiffe://prod.example/till'),
    }),
  },
});
/** @type {Record<string, (request: object) => import('rxjs').Observable<{ text: string }>>} */
const till = client.getService('Till');

console.log(`ready as ${identity.id.toString()}`);
for await (const method of createInterface({ input: process.stdin })) {
  try {
    const call = till[method];
    if (call === undefined) throw new TypeError(`no method ${method}`);
    console.log(`${method}: ${(await firstValueFrom(call({}))).text}`);
  } catch (error) {
    console.log(`${method}: no answer, ${error instanceof Error ? error.message : String(error)}`);
  }
}
client.close();
await identity.close();
