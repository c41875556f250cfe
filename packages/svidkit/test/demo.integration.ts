import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { demoWithMistakes } from './demo-with-mistakes.ts';

interface KindSummary {
  readonly attempts: number;
  readonly rejected: number;
  readonly accepted: number;
  readonly unproven: number;
  readonly control: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly thrownOut?: number;
  readonly slowestMs?: number;
}

interface Summary {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly rotations: number;
  readonly rootRotations: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: readonly unknown[];
  readonly rejectedIntruders: number;
  readonly acceptedIntruders: number;
  readonly unprovenIntruders: number;
  readonly staleIdentitySeen: number;
  readonly identitiesSeen: number;
  readonly services: readonly {
    readonly name: string;
    readonly pid: number;
    readonly transport: string;
    readonly requests: number;
    readonly rotations: number;
    readonly evicted: Readonly<Record<string, number>>;
  }[];
  readonly hops: Readonly<Record<string, { readonly requests: number; readonly failed: number }>>;
  readonly migration: {
    readonly completed: number;
    readonly delivered: { readonly legacy: number; readonly spiffe: number };
  };
  readonly denials: number;
  readonly intruders: Readonly<Record<string, KindSummary>>;
}

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const ROOT = resolve(import.meta.dirname, '../../..');

describe('the demo', () => {
  const directory = mkdtempSync(join(tmpdir(), 'svidkit-demo-test-'));
  let result: Run;
  let summary: Summary;

  let page: { html: Answer; elsewhere: Answer; snapshots: Snapshot[] };

  beforeAll(async () => {
    const file = join(directory, 'summary.json');
    const run = demo(directory, ['--for', '8s', '--summary', file, '--page', '0']);
    page = await visit(await run.pageUrl);
    result = await run.ended;
    summary = JSON.parse(readFileSync(file, 'utf8')) as Summary;
  }, 120_000);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('goes on without a failed request while SVIDs and the root rotate', () => {
    expect(summary.failures).toEqual([]);
    expect(summary.failed).toBe(0);
    expect(summary.requests).toBeGreaterThan(300);
    expect(summary.rotations).toBeGreaterThanOrEqual(3);
    expect(summary.rootRotations).toBe(1);
  });

  it('has services of every kind, each of which serves and rotates', () => {
    expect(Object.fromEntries(summary.services.map(({ name, transport }) => [name, transport]))).toEqual({
      frontend: 'https',
      api: 'https',
      ledger: 'https, tls',
      catalog: 'Express',
      pricing: 'Fastify',
      stock: 'http2',
      quotes: 'gRPC',
      archive: 'https, migrating',
      settlement: 'https',
    });
    expect(summary.services.filter(({ requests, rotations }) => requests === 0 || rotations === 0)).toEqual(
      [],
    );
    expect(new Set(summary.services.map(({ pid }) => pid)).size).toBe(summary.services.length);
    expect(
      Object.entries(summary.hops).filter(([, { requests, failed }]) => requests === 0 || failed > 0),
    ).toEqual([]);
    expect(Object.values(summary.hops).reduce((sum, { requests }) => sum + requests, 0)).toBe(
      summary.requests,
    );
  });

  it('migrates a service and its client, back, and to the end', () => {
    expect(summary.migration.completed).toBe(1);
    expect(summary.migration.delivered.legacy).toBeGreaterThan(0);
    expect(summary.migration.delivered.spiffe).toBeGreaterThan(0);
    const straggler = summary.intruders['legacy-straggler'];
    // Let in as long as it may be; then refused, twice, with the connection that it had.
    expect(straggler?.control).toBeGreaterThanOrEqual(2);
    expect(straggler?.reasons).toEqual({ ERR_CHAIN_ID: (straggler?.attempts ?? 0) - 2 });
    expect(straggler?.thrownOut).toBe(2);
    expect(straggler?.slowestMs).toBeLessThanOrEqual(1_000);
    expect(evictedBy(summary, 'archive')['legacy-refused']).toBeGreaterThan(0);
  });

  it('throws out who has a stolen key once it is denied, and lets its owner go on', () => {
    expect(summary.denials).toBe(1);
    const thief = summary.intruders['stolen-key'];
    expect(thief?.control).toBeGreaterThanOrEqual(3);
    expect(thief?.thrownOut).toBe(3);
    expect(thief?.slowestMs).toBeLessThanOrEqual(1_000);
    expect(thief?.reasons).toEqual({ ERR_PEER_DENIED: (thief?.attempts ?? 0) - 3 });
    const evictions = ['api', 'catalog', 'pricing'].map((name) => evictedBy(summary, name)['denied'] ?? 0);
    expect(Math.max(...evictions)).toBeGreaterThan(0);
  });

  it('shows all of it on a page that loads nothing from elsewhere', () => {
    expect(page.html.status).toBe(200);
    expect(page.html.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /,
    );
    expect(page.html.body).not.toMatch(/(?:src|href)="(?!data:)|@import|url\(/);
    const [first, last] = [page.snapshots.at(0), page.snapshots.at(-1)];
    expect(last?.workloads.map(({ name }) => name)).toEqual(
      expect.arrayContaining(summary.services.map(({ name }) => name)),
    );
    expect(last?.workloads.every(({ notAfter = 0 }) => notAfter > Date.parse('2020-01-01'))).toBe(true);
    expect(last?.requests).toBeGreaterThan(first?.requests ?? Infinity);
    expect(JSON.stringify(page.snapshots)).not.toMatch(/BEGIN|PRIVATE/);
  });

  it('does not show it to a page elsewhere that has its own name lead here', () => {
    expect(page.elsewhere.status).toBe(421);
    expect(page.elsewhere.body).toBe('');
  });

  it('rejects every kind of intruder, and admits the good identity that goes the same way', () => {
    const kinds = Object.entries(summary.intruders);
    expect(kinds.length).toBeGreaterThanOrEqual(18);
    const without = (field: 'attempts' | 'rejected' | 'control'): string[] =>
      kinds.filter(([, kind]) => kind[field] === 0).map(([name]) => name);
    expect({
      attempts: without('attempts'),
      rejected: without('rejected'),
      control: without('control'),
    }).toEqual({
      attempts: [],
      rejected: [],
      control: [],
    });
    expect(summary.acceptedIntruders).toBe(0);
    expect(summary.unprovenIntruders).toBe(0);
    expect(summary.rejectedIntruders).toBe(kinds.reduce((sum, [, { attempts }]) => sum + attempts, 0));
  });

  it('shows no stale identity on a new connection', () => {
    expect(summary.identitiesSeen).toBeGreaterThan(50);
    expect(summary.staleIdentitySeen).toBe(0);
  });

  it('ends with exit code 0 and says so', () => {
    expect(summary.problems).toEqual([]);
    expect(summary.ok).toBe(true);
    expect(result.stdout).toContain('All as it should be.');
    expect(result.code).toBe(0);
  });

  it('leaves no process and no file behind', () => {
    expect(summary.services.filter(({ pid }) => isAlive(pid))).toEqual([]);
    expect(readdirSync(directory)).toEqual(['summary.json']);
  });

  it('turns wrong arguments away with exit code 2 and the usage', async () => {
    const runs = await Promise.all([
      demo(directory, ['--for', 'soon']).ended,
      demo(directory, ['--for', '1s']).ended,
      demo(directory, ['--until', 'noon']).ended,
      demo(directory, ['--page', '65536']).ended,
    ]);
    expect(runs.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(runs[0]?.stderr).toContain('--for wants a duration like 20s, 2m or 7500ms, got "soon"');
    expect(runs[1]?.stderr).toContain('--for wants at least 5s');
    expect(runs[2]?.stderr).toContain('usage: npm start');
    expect(runs[3]?.stderr).toContain('--page wants a port from 0 to 65535, got "65536"');
  });

  it('explains itself with --help', async () => {
    const { code, stdout } = await demo(directory, ['--help']).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('usage: npm start');
  });
});

describe('the demo, with services that make mistakes', () => {
  it('sees each of them, and ends with exit code 1', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'svidkit-demo-test-'));
    const file = join(directory, 'summary.json');
    const program = demoWithMistakes(ROOT, directory);

    const { code, stdout } = await demo(directory, ['--for', '8s', '--summary', file], program).ended;

    const { intruders, problems, ...summary } = JSON.parse(readFileSync(file, 'utf8')) as Summary;
    rmSync(directory, { recursive: true, force: true });
    expect(code).toBe(1);
    expect(summary.ok).toBe(false);
    expect(stdout).toContain('NOT as it should be:');
    // Its identity is that of the beginning: first stale, then of no use.
    expect(summary.staleIdentitySeen).toBeGreaterThan(0);
    expect(summary.failed).toBeGreaterThan(0);
    expect(summary.hops['status']?.failed).toBeGreaterThan(0);
    // No deny list, no strictness, no authorization of a route.
    const accepted = Object.entries(intruders).filter(([, kind]) => kind.accepted > 0);
    expect(accepted.map(([name]) => name).toSorted()).toEqual([
      'legacy-straggler',
      'stolen-key',
      'wrong-route',
    ]);
    expect(problems).toEqual(
      expect.arrayContaining([
        `${summary.failed} requests failed`,
        `${summary.acceptedIntruders} intruders got in`,
        `${summary.staleIdentitySeen} connections showed a stale identity`,
        'intruder legacy-straggler was never rejected',
      ]),
    );
  }, 120_000);
});

interface Demo {
  /** Where its page is, once it says so. */
  readonly pageUrl: Promise<string>;
  readonly ended: Promise<Run>;
}

/** Runs the demo on the sources, with its temporary files in `directory`. */
function demo(directory: string, args: readonly string[], program = 'examples/demo/main.mjs'): Demo {
  const child = spawn(process.execPath, ['--conditions=@svidkit/source', program, ...args], {
    cwd: ROOT,
    // A dozen processes that write the same cache as they end take seconds for it, and are killed when they do not end.
    env: { ...process.env, TMPDIR: directory, NODE_DISABLE_COMPILE_CACHE: '1' },
    timeout: 110_000,
  });
  const { promise: pageUrl, resolve: found } = Promise.withResolvers<string>();
  let stdout = '';
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    if (line.startsWith('page: ')) found(line.slice('page: '.length));
  });
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const ended = new Promise<Run>((settle) => {
    child.once('close', (code) => settle({ code: code ?? -1, stdout, stderr }));
  });
  return { pageUrl, ended };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** What the page is told; only what is looked at here. */
interface Snapshot {
  readonly requests: number;
  readonly workloads: readonly { readonly name: string; readonly notAfter?: number }[];
}

/** Asks for the page as its browser does, and once as that of somebody else. Listens until traffic was seen twice. */
async function visit(url: string): Promise<{ html: Answer; elsewhere: Answer; snapshots: Snapshot[] }> {
  const html = await ask(url);
  const elsewhere = await ask(`${url}events`, { host: 'rebound.example' });
  const snapshots: Snapshot[] = [];
  const response = await fetch(`${url}events`);
  const lines = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream());
  let buffer = '';
  for await (const text of lines) {
    const events = (buffer + text).split('\n\n');
    buffer = events.pop() ?? '';
    for (const event of events) snapshots.push(JSON.parse(event.slice('data: '.length)) as Snapshot);
    const seen = new Set(snapshots.map(({ requests }) => requests).filter((requests) => requests > 0));
    if (seen.size >= 2) break;
  }
  return { html, elsewhere, snapshots };
}

function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((settle, reject) => {
    request(url, { headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('end', () => settle({ status: response.statusCode, headers: response.headers, body }));
    })
      .once('error', reject)
      .end();
  });
}

function evictedBy({ services }: Summary, name: string): Readonly<Record<string, number>> {
  return services.find((service) => service.name === name)?.evicted ?? {};
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
