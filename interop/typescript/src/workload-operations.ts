import {
  parseWorkloadApiAddress,
  type WorkloadApiClient,
  type WorkloadApiJwtSource,
} from '@svidkit/workload-api';

import { engine } from './engine.ts';
import { OpenThings } from './open-things.ts';
import { type JsonObject, text, texts } from './params.ts';

/** Every source of JWT-SVIDs that is open. */
export const jwtSources: OpenThings<WorkloadApiJwtSource> = new OpenThings('j');

/** `endpoint.parse` */
export function parseEndpoint(params: JsonObject): JsonObject {
  const address = parseWorkloadApiAddress(text(params, 'value'));
  const { scheme } = address;
  if (scheme === 'unix') return { scheme, address: address.path };
  const { host, port } = address;
  return { scheme, address: `${host.includes(':') ? `[${host}]` : host}:${port}` };
}

/** `source.open` with the kind `workloadApiJwt`: answers when there are bundles. */
export async function openJwtSource(params: JsonObject): Promise<JsonObject> {
  const source = await engine.openWorkloadApiJwtSource({ address: text(params, 'address') });
  return { handle: jwtSources.add(() => source) };
}

/** `source.close`, unless the handle is of another kind of source. */
export async function closeJwtSource(params: JsonObject): Promise<JsonObject | undefined> {
  if (!jwtSources.has(params)) return undefined;
  await jwtSources.close(params);
  return {};
}

/** `source.jwt` */
export async function fetchJwtOfSource(params: JsonObject): Promise<JsonObject> {
  const { id, token } = await jwtSources.get(params).fetchJwtSvid(requestOf(params));
  return { id: id.toString(), token };
}

/** `source.validateJwt` */
export async function validateJwtOfSource(params: JsonObject): Promise<JsonObject> {
  const audience = text(params, 'audience');
  const { id } = await jwtSources.get(params).validateJwtSvid(text(params, 'token'), { audience });
  return { id: id.toString() };
}

/** `workload.x509Bundles` */
export async function fetchX509Bundles(params: JsonObject): Promise<JsonObject> {
  const { bundles } = await once(params, (client) => client.fetchX509Bundles());
  return {
    bundles: Object.fromEntries(
      Array.from(bundles, ({ trustDomain, authorities }) => [
        trustDomain.name,
        authorities.map((one) => one.fingerprint256),
      ]),
    ),
  };
}

/** `workload.jwt` */
export async function fetchJwt(params: JsonObject): Promise<JsonObject> {
  const { id, token } = await once(params, (client) => client.fetchJwtSvid(requestOf(params)));
  return { id: id.toString(), token };
}

/** `workload.validateJwt` */
export async function validateJwtByAgent(params: JsonObject): Promise<JsonObject> {
  const audience = text(params, 'audience');
  const { id, claims } = await once(params, (client) =>
    client.validateJwtSvid(text(params, 'token'), { audience }),
  );
  return { id: id.toString(), claims, delegated: true };
}

async function once<T>(params: JsonObject, call: (client: WorkloadApiClient) => Promise<T>): Promise<T> {
  const client = engine.createWorkloadApiClient({ address: text(params, 'address') });
  try {
    return await call(client);
  } finally {
    await client.close();
  }
}

function requestOf(params: JsonObject): { audience: readonly string[]; subject?: string } {
  const audience = texts(params, 'audience');
  return params['id'] === undefined ? { audience } : { audience, subject: text(params, 'id') };
}
