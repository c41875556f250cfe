// An adapter that knows SPIFFE IDs a little, and does one thing wrong when it is asked for the ID that ends with `/.a`.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';

interface Call {
  readonly id: number;
  readonly op: string;
  readonly case?: string;
  readonly needs?: readonly string[];
  readonly params: { readonly id?: string };
}

// oxlint-disable-next-line node/no-process-env -- where the kit wants to be called
const socket = process.env['SPIFFE_CONFORMANCE_SOCKET'];
const wire =
  socket === undefined || process.argv[2]?.includes('stays-away') === true ? undefined : connect(socket);
const [input, output] = [wire ?? process.stdin, wire ?? process.stdout];
let asked = 0;
const modes = new Set(process.argv[2]?.split(','));
const IDS = /^spiffe:\/\/([a-z0-9._-]+)((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)$/;

const OPS: Readonly<Record<string, readonly string[]>> = {
  'can-nothing': [],
  'lacks-a-declared-op': ['id.parse', 'td.parse'],
  'prints-failures': ['td.parse', 'endpoint.parse'],
};

const STARTS: Readonly<Record<string, () => unknown>> = {
  'exits-at-start': () => process.exit(9),
  'never-starts-again': () => existsSync(process.argv[3] ?? '') && process.exit(9),
  'begins-with-bom': () => void output.write('\uFEFF'),
  'ignores-sigterm': () => void process.on('SIGTERM', () => {}),
  'stays-away': () => void setInterval(() => {}, 1000),
};
for (const mode of modes) STARTS[mode]?.();

const WRONG: Readonly<Record<string, (call: Call) => void>> = {
  'not-json': () => write('{"id":'),
  'bad-utf8': ({ id }) => output.write(Buffer.from(`{"id":${id},"ok":{"a":"\u00ff"}}\n`, 'latin1')),
  'long-line': () => output.write(`{"id":1,"ok":{"a":"${'a'.repeat(17 * 1024 * 1024)}"}}\n`),
  'wrong-id': ({ id }) => say({ id: id + 1000, ok: {} }),
  'id-is-text': ({ id }) => say({ id: String(id), ok: {} }),
  'two-verdicts': ({ id }) => say({ id, ok: {}, reject: { code: 'unknown' } }),
  'no-verdict': ({ id }) => say({ id }),
  'verdict-is-text': ({ id }) => say({ id, ok: 'yes' }),
  'reject-without-code': ({ id }) => say({ id, reject: {} }),
  'unknown-event': () => say({ event: 'source.explode', handle: 's1' }),
  'event-without-handle': () => say({ event: 'source.update', handle: 's1' }),
  'neither-id-nor-event': () => say({ hello: 1 }),
  crashes: () => {
    process.stderr.write('segmentation fault in libspiffe\u001b[31m\n', () => process.exit(7));
  },
  'crashes-in-a-line': () => output.write('{"id":', () => process.exit(0)),
  'crashes-with-child': () => {
    // A grandchild that would keep the pipe open for ever.
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    process.exit(7);
  },
  hangs: () => {},
  faults: ({ id }) => say({ id, fault: { message: 'NullPointerException' } }),
  'claims-what-it-lacks': ({ id }) => say({ id, unsupported: { reason: 'no such thing' } }),
  'answers-twice': (call) => {
    say({ id: call.id, ...verdict(call) });
    say({ id: call.id, ...verdict(call) });
  },
  'prints-logs': (call) => {
    write('INFO loading library\u001b[2J');
    say({ id: call.id, ...verdict(call) });
  },
  'fails-second-time': (call) => {
    asked++;
    say(asked === 2 ? { id: call.id, reject: { code: 'unknown' } } : { id: call.id, ...verdict(call) });
  },
  'writes-markup': ({ id }) => say({ id, fault: { message: '</error>\u0007& <img src=x> | **bold**' } }),
  // As much as a line may have, to the byte.
  'longest-line': (call) => {
    const { ok } = verdict(call) as { readonly ok: object };
    const line = JSON.stringify({ id: call.id, ok: { ...ok, padding: '' } });
    write(line.replace('"padding":""', `"padding":"${'a'.repeat(16 * 1024 * 1024 - line.length)}"`));
  },
  'ends-lines-with-cr': (call) => write(`${JSON.stringify({ id: call.id, ...verdict(call) })}\r`),
  'prints-beside-a-socket': (call) => {
    process.stdout.write('{"id":1,"ok":{}}\nnot a message\n');
    say({ id: call.id, ...verdict(call) });
  },
  'closes-its-connection': () => {
    setInterval(() => {}, 1000);
    wire?.end();
  },
  'calls-twice': (call) => {
    const second = connect(socket ?? '');
    const found = (event: string) => () => {
      const id = event === 'error' ? { id: call.params.id } : {};
      say({ id: call.id, ok: { ...(verdict(call) as { ok: object }).ok, ...id, event } });
    };
    second.once('error', found('error')).once('connect', found('connect'));
  },
  'prints-before-the-answer': (call) => {
    process.stdout.write('loading... ');
    say({ id: call.id, ...verdict(call) });
  },
  'answers-an-earlier-call': ({ id }) => say({ id: id - 1, ok: {} }),
  'never-starts-again': () => {
    writeFileSync(process.argv[3] ?? '', '');
    process.exit(7);
  },
  'answers-wrongly': ({ id }) => say({ id, ok: { id: 'spiffe://example.org/b' } }),
};

// Not node:readline, which ends lines at U+2028 too.
let rest = '';
input
  .setEncoding('utf8')
  .on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as Call);
  })
  .on('end', () => {
    if (modes.has('ignores-end') || modes.has('ignores-sigterm')) setInterval(() => {}, 1000);
  });

function take(call: Call): void {
  const wrong = [...modes].map((mode) => WRONG[mode]).find((one) => one !== undefined);
  const isStrange = Object.keys(call).some(
    (name) => !['id', 'op', 'params', 'deadlineMs', 'needs', 'case'].includes(name),
  );
  if (call.op === 'hello') sayHello(call);
  else if (call.op === 'bye') {
    say({ id: call.id, ok: {} });
    if (modes.has('ends-with-1')) process.exitCode = 1;
  } else if (modes.has('strict-members') && isStrange) say({ id: call.id, fault: { message: 'a stranger' } });
  else if (call.needs !== undefined && !modes.has('ignores-needs'))
    say({ id: call.id, unsupported: { reason: 'needs' } });
  else if (modes.has('looks-at-case') && call.case?.startsWith('reject/') === true)
    say({ id: call.id, reject: { code: 'unknown' } });
  else if (call.op !== 'id.parse' && !modes.has('knows-every-op') && !modes.has('prints-failures'))
    say({ id: call.id, unsupported: { reason: call.op } });
  else if (call.params.id?.endsWith('/.a') === true && wrong !== undefined) wrong(call);
  else say({ id: call.id, ...verdict(call) });
}

function sayHello({
  id,
  params,
}: Call & { readonly params: { readonly protocol?: readonly number[] } }): void {
  if (modes.has('silent-at-start')) return;
  const hello = {
    protocol: modes.has('speaks-2') ? 2 : modes.has('speaks-anything') ? params.protocol?.[0] : 1,
    implementation: { name: 'hostile', version: '1', language: 'typescript' },
    capabilities: { ops: opsOf(), profiles: modes.has('claims-core') ? ['core'] : [] },
  };
  if (modes.has('refuses-hello'))
    say({ id, reject: { code: 'unknown', message: 'I speak protocol 9 alone' } });
  else if (modes.has('hello-without-ops')) say({ id, ok: { ...hello, capabilities: {} } });
  else say({ id, ok: hello });
}

function verdict({ params: { id = '' }, case: name }: Call): object {
  const reject = { reject: { code: 'unknown', message: 'no SPIFFE ID' } };
  if (modes.has('rejects-all')) return reject;
  const [, trustDomain, path = ''] = IDS.exec(id) ?? [];
  if (modes.has('knows-every-op')) return { ok: { id } };
  if (modes.has('accepts-all')) return { ok: { id, trustDomain: '', path: '', segments: [] } };
  if (trustDomain === undefined) return reject;
  const ok = { id, trustDomain, path, segments: path.split('/').slice(1) };
  const isReversed = modes.has('orders-by-case') && name !== undefined;
  return { ok: isReversed ? Object.fromEntries(Object.entries(ok).toReversed()) : ok };
}

function say(message: object): void {
  write(JSON.stringify(message));
}

function write(line: string): void {
  output.write(`${line}\n`);
}

function opsOf(): readonly string[] {
  return [...modes].map((mode) => OPS[mode]).find((ops) => ops !== undefined) ?? ['id.parse'];
}
