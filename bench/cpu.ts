// CPU per operation of one side, ours against bare node:tls, in interleaved batches of the same two processes.
import { median, pairedRatio, type Ratio } from './statistics.ts';
import { twoProcesses } from './two-processes.ts';

/** One measured comparison. */
export interface CpuResult {
  readonly name: string;
  readonly oursMicroseconds: number;
  readonly baselineMicroseconds: number;
  readonly ratio: Ratio;
  readonly bar: number;
  readonly barOn: 'high' | 'median';
  readonly met: boolean;
}

interface Comparison {
  readonly name: string;
  readonly measure: 'server' | 'client';
  readonly order: 'dial' | 'request';
  readonly servers: readonly [ours: string, baseline: string];
  readonly clients: readonly [ours: string, baseline: string];
  readonly perBatch: number;
  readonly batches: number;
  readonly bar: number;
  readonly barOn: 'high' | 'median';
  /** Whether every dial of a batch presents an SVID that the server has not seen. */
  readonly strangers?: true;
}

const PER_BATCH = 80;

/** Runs all comparisons with at least `batches` batches each. */
export async function benchCpu(batches: number, report: (line: string) => void): Promise<CpuResult[]> {
  const comparisons: readonly Comparison[] = [
    {
      name: 'server: full mTLS handshake, known peer',
      measure: 'server',
      order: 'dial',
      servers: ['gated tls', 'bare tls'],
      clients: ['plain', 'plain'],
      perBatch: PER_BATCH,
      batches,
      bar: 1.05,
      barOn: 'high',
    },
    {
      name: 'server: first sight of a peer, one intermediate',
      measure: 'server',
      order: 'dial',
      servers: ['gated tls', 'bare tls'],
      clients: ['peer', 'peer'],
      perBatch: PER_BATCH,
      batches,
      bar: 1.25,
      barOn: 'median',
      strangers: true,
    },
    {
      name: 'client: connectTls',
      measure: 'client',
      order: 'dial',
      servers: ['bare tls', 'bare tls'],
      clients: ['connectTls', 'plain'],
      perBatch: PER_BATCH,
      batches,
      bar: 0.9,
      barOn: 'median',
    },
    {
      name: 'client: tlsClientOptions',
      measure: 'client',
      order: 'dial',
      servers: ['bare tls', 'bare tls'],
      clients: ['tlsClientOptions', 'plain'],
      perBatch: PER_BATCH,
      batches,
      bar: 1.06,
      barOn: 'median',
    },
    {
      name: 'server: keep-alive https request',
      measure: 'server',
      order: 'request',
      servers: ['gated https', 'bare https'],
      clients: ['agent', 'plain'],
      perBatch: 1500,
      batches,
      bar: 1.02,
      barOn: 'median',
    },
    {
      name: 'client: keep-alive https request',
      measure: 'client',
      order: 'request',
      servers: ['gated https', 'bare https'],
      clients: ['agent', 'plain'],
      perBatch: 1500,
      batches,
      bar: 1.02,
      barOn: 'median',
    },
  ];
  const strangers = (batches + 2) * PER_BATCH;
  const processes = await twoProcesses(strangers);
  try {
    const ports = new Map<string, number>();
    for (const kind of new Set(comparisons.flatMap(({ servers }) => servers))) {
      ports.set(kind, await processes.server.ask<number>({ what: 'listen', kind }));
    }
    const results: CpuResult[] = [];
    for (const comparison of comparisons) {
      results.push(await compare(comparison));
      report(describe(results.at(-1) as CpuResult));
    }
    return results;

    async function compare(comparison: Comparison): Promise<CpuResult> {
      const { name, bar, barOn } = comparison;
      const ours: number[] = [];
      const baseline: number[] = [];
      for (let batch = -2; batch < comparison.batches; batch += 1) {
        // Which goes first alternates, so that a drift of the machine favours neither.
        const order = batch % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
        for (const side of order) {
          const cost = await runBatch(comparison, side, batch + 2);
          if (batch >= 0) (side === 0 ? ours : baseline).push(cost);
        }
      }
      const ratio = pairedRatio(ours, baseline);
      return {
        name,
        oursMicroseconds: median(ours),
        baselineMicroseconds: median(baseline),
        ratio,
        bar,
        barOn,
        met: ratio[barOn] <= bar,
      };
    }

    async function runBatch(comparison: Comparison, side: 0 | 1, batch: number): Promise<number> {
      const { perBatch, measure, order } = comparison;
      const measured = processes[measure];
      const before = await measured.ask<number>({ what: 'cpu' });
      await processes.client.ask({
        what: order,
        kind: comparison.clients[side],
        port: ports.get(comparison.servers[side]) ?? 0,
        count: perBatch,
        from: comparison.strangers === true ? batch * perBatch : 0,
      });
      const after = await measured.ask<number>({ what: 'cpu' });
      return (after - before) / perBatch;
    }
  } finally {
    processes.close();
  }
}

/** One line for people. */
export function describe({
  name,
  oursMicroseconds,
  baselineMicroseconds,
  ratio,
  bar,
  barOn,
  met,
}: CpuResult): string {
  const { median: middle, low, high, batches } = ratio;
  return `${met ? 'met   ' : 'MISSED'} ${name}: ${middle.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] (${barOn} <= ${bar}); ${oursMicroseconds.toFixed(0)} against ${baselineMicroseconds.toFixed(0)} us, ${batches} batches`;
}
