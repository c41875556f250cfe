import { isSpiffeError } from '@svidkit/core';

import { type CliIo } from './cli-io.ts';
import { type InspectedProblem, type InspectedWorkloadApi } from './inspect-report.ts';
import { loadWorkloadApi } from './load-workload-api.ts';

/** How long the agent may take to answer someone who waits at a terminal. */
const PATIENCE_MS = 5_000;

/** What the Workload API that the environment names gives this process, and what is wrong with it. */
export async function inspectWorkloadApi({ env }: Pick<CliIo, 'env'>): Promise<{
  readonly workloadApi: InspectedWorkloadApi;
  readonly problems: readonly InspectedProblem[];
}> {
  const workloadApi = { address: env['SPIFFE_ENDPOINT_SOCKET'] ?? '', identities: [], trustDomains: [] };
  try {
    const { createWorkloadApiClient } = await loadWorkloadApi();
    const client = createWorkloadApiClient({ env, timeoutMs: PATIENCE_MS });
    try {
      const { svids, bundles } = await client.fetchX509Context();
      const identities = svids.map(({ id, hint, notBefore, expiresAt }) => ({
        spiffeId: id.toString(),
        hint: hint ?? null,
        notBefore: new Date(notBefore).toISOString(),
        expiresAt: new Date(expiresAt).toISOString(),
      }));
      const trustDomains = Array.from(bundles, ({ trustDomain }) => trustDomain.name);
      return { workloadApi: { ...workloadApi, identities, trustDomains }, problems: [] };
    } finally {
      await client.close();
    }
  } catch (error) {
    if (!isSpiffeError(error)) throw error;
    const { code, message, hint } = error;
    return {
      workloadApi,
      problems: [{ severity: 'error', code, message, hint: hint ?? null, file: null }],
    };
  }
}
