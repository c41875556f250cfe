// CPU per operation of one side, ours against bare node:tls, in interleaved batches of the same two processes.
import { median, pairedRatio, type Ratio } from './statistics.ts';
import { twoProcesses } from './two-processes.ts';

/** One measured ratio. */
export interface CpuResult {
  readonly name: string;
  readonly oursMicroseconds: number;
  readonly baselineMicroseconds: number;
  readonly ratio: Ratio;
  readonly bar: number;
  readonly barOn: 'high' | 'median';
  readonly met: boolean;
}

type Side = 'server' | 'client';

interface Comparison {
  /** What `--only` calls it. */
  readonly key: string;
  readonly order: 'dial' | 'request';
  readonly servers: readonly [ours: string, baseline: string];
  readonly clients: readonly [ours: string, baseline: string];
  /** Operations of one batch: so few that what else the machine does rarely meets one of a pair alone. */
  readonly perBatch: number;
  readonly measures: readonly {
    readonly name: string;
    readonly side: Side;
    readonly bar: number;
    readonly barOn: 'high' | 'median';
  }[];
  /** Whether every dial of a batch presents an SVID that the server has not seen. */
  readonly strangers?: true;
}

const DIALS = 40;
const REQUESTS = 500;
/** Batches before the first that counts: what is measured is a server that has run for a while. */
const WARM_UP = 40;

const COMPARISONS: readonly Comparison[] = [
  {
    key: 'known-peer',
    order: 'dial',
    servers: ['gated tls', 'bare tls'],
    clients: ['plain', 'plain'],
    perBatch: DIALS,
    measures: [{ name: 'server: full mTLS handshake, known peer', side: 'server', bar: 1.05, barOn: 'high' }],
  },
  {
    key: 'first-sight',
    order: 'dial',
    servers: ['gated tls', 'bare tls'],
    clients: ['peer', 'peer'],
    perBatch: DIALS,
    measures: [
      {
        name: 'server: first sight of a peer, one intermediate',
        side: 'server',
        bar: 1.25,
        barOn: 'median',
      },
    ],
    strangers: true,
  },
  {
    key: 'connect',
    order: 'dial',
    servers: ['bare tls', 'bare tls'],
    clients: ['connectTls', 'plain'],
    perBatch: DIALS,
    measures: [{ name: 'client: connectTls', side: 'client', bar: 0.9, barOn: 'median' }],
  },
  {
    key: 'options',
    order: 'dial',
    servers: ['bare tls', 'bare tls'],
    clients: ['tlsClientOptions', 'plain'],
    perBatch: DIALS,
    measures: [{ name: 'client: tlsClientOptions', side: 'client', bar: 1.06, barOn: 'median' }],
  },
  {
    key: 'requests',
    order: 'request',
    servers: ['gated https', 'bare https'],
    clients: ['agent', 'plain'],
    perBatch: REQUESTS,
    measures: [
      { name: 'server: keep-alive https request', side: 'server', bar: 1.02, barOn: 'median' },
      { name: 'client: keep-alive https request', side: 'client', bar: 1.02, barOn: 'median' },
    ],
  },
  {
    key: 'http2',
    order: 'request',
    servers: ['gated http2', 'bare http2'],
    clients: ['ours http2', 'plain http2'],
    perBatch: REQUESTS,
    measures: [
      { name: 'server: http2 request', side: 'server', bar: 1.02, barOn: 'median' },
      { name: 'client: http2 request', side: 'client', bar: 1.02, barOn: 'median' },
    ],
  },
  {
    key: 'undici',
    order: 'request',
    servers: ['bare https', 'bare https'],
    clients: ['ours undici', 'plain undici'],
    perBatch: REQUESTS,
    measures: [{ name: 'client: undici request', side: 'client', bar: 1.02, barOn: 'median' }],
  },
  {
    key: 'grpc',
    order: 'request',
    servers: ['gated grpc', 'bare grpc'],
    clients: ['ours grpc', 'plain grpc'],
    perBatch: REQUESTS / 2,
    measures: [
      { name: 'server: gRPC call', side: 'server', bar: 1.02, barOn: 'median' },
      { name: 'client: gRPC call', side: 'client', bar: 1.02, barOn: 'median' },
    ],
  },
];

/** What `--only` can ask for here. */
export const CPU_KEYS: readonly string[] = COMPARISONS.map(({ key }) => key);

/** Runs the comparisons whose key is in `keys` with `batches` batches each. */
export async function benchCpu(
  keys: ReadonlySet<string>,
  batches: number,
  report: (line: string) => void,
): Promise<CpuResult[]> {
  const chosen = COMPARISONS.filter(({ key }) => keys.has(key));
  if (chosen.length === 0) return [];
  const processes = await twoProcesses(
    chosen.some(({ strangers }) => strangers === true) ? (batches + WARM_UP) * DIALS : 1,
  );
  try {
    const ports = new Map<string, number>();
    for (const kind of new Set(chosen.flatMap(({ servers }) => servers))) {
      ports.set(kind, await processes.server.ask<number>({ what: 'listen', kind }));
    }
    const results: CpuResult[] = [];
    for (const comparison of chosen) {
      const found = await compare(comparison);
      for (const result of found) report(describe(result));
      results.push(...found);
    }
    return results;

    async function compare(comparison: Comparison): Promise<CpuResult[]> {
      const costs: readonly [ours: Costs[], baseline: Costs[]] = [[], []];
      for (let batch = -WARM_UP; batch < batches; batch += 1) {
        // Which goes first alternates, so that a drift of the machine favours neither.
        const order = batch % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
        for (const which of order) {
          const cost = await runBatch(comparison, which, batch + WARM_UP);
          if (batch >= 0) costs[which].push(cost);
        }
      }
      return comparison.measures.map(({ name, side, bar, barOn }) => {
        const [ours, baseline] = costs.map((all) => all.map((one) => one[side])) as [number[], number[]];
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
      });
    }

    async function runBatch(comparison: Comparison, which: 0 | 1, batch: number): Promise<Costs> {
      const { perBatch, order } = comparison;
      const before = await cpu();
      await processes.client.ask({
        what: order,
        kind: comparison.clients[which],
        port: ports.get(comparison.servers[which]) ?? 0,
        count: perBatch,
        from: comparison.strangers === true ? batch * perBatch : 0,
      });
      const after = await cpu();
      return {
        server: (after.server - before.server) / perBatch,
        client: (after.client - before.client) / perBatch,
      };
    }

    async function cpu(): Promise<Costs> {
      const server = await processes.server.ask<number>({ what: 'cpu' });
      return { server, client: await processes.client.ask<number>({ what: 'cpu' }) };
    }
  } finally {
    processes.close();
  }
}

/** CPU of both processes in microseconds. */
type Costs = Readonly<Record<Side, number>>;

/** One line for people. */
function describe({
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
