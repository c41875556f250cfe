import { createHash, createPublicKey } from 'node:crypto';

import { createWitClient, type WitClient } from '@svidkit/workload-api/experimental';

import { type JsonObject, text } from './params.ts';

/** `workload.wit` */
export async function fetchWit(params: JsonObject): Promise<JsonObject> {
  const options = params['id'] === undefined ? {} : { subject: text(params, 'id') };
  const svids = await once(params, (client) => client.fetchWitSvids(options));
  return {
    svids: svids.map(({ id, hint = '', algorithm: alg, privateKey }) => {
      const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
      return { id: id.toString(), hint, alg, spkiSha256: createHash('sha256').update(spki).digest('hex') };
    }),
  };
}

/** `workload.witBundles` */
export async function fetchWitBundles(params: JsonObject): Promise<JsonObject> {
  const bundles = await once(params, (client) => client.fetchWitBundles());
  return { bundles: bundles.toJSON() };
}

/** `workload.watchWit`: answers when the watch ends by itself. */
export async function watchWit(params: JsonObject): Promise<JsonObject> {
  await once(params, (client) => client.watchWitSvids({ onUpdate: () => {} }));
  return {};
}

async function once<T>(params: JsonObject, call: (client: WitClient) => Promise<T>): Promise<T> {
  const client = createWitClient({ address: text(params, 'address') });
  try {
    return await call(client);
  } finally {
    await client.close();
  }
}
