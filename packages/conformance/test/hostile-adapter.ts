// An adapter that knows SPIFFE IDs a little, and does one thing wrong when it is asked for the ID that ends with `/.a`.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

interface Call {
  readonly id: number;
  readonly op: string;
  readonly params: { readonly id?: string };
}

const mode = process.argv[2] ?? 'good';
const IDS = /^spiffe:\/\/([a-z0-9._-]+)((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*)$/;

const STARTS: Readonly<Record<string, () => void>> = {
  'exits-at-start': () => process.exit(9),
  'ignores-sigterm': () => void process.on('SIGTERM', () => {}),
};
STARTS[mode]?.();

const WRONG: Readonly<Record<string, (call: Call) => void>> = {
  'not-json': () => write('{"id":'),
  'bad-utf8': ({ id }) => process.stdout.write(Buffer.from(`{"id":${id},"ok":{"a":"\u00ff"}}\n`, 'latin1')),
  'long-line': () => process.stdout.write(`{"id":1,"ok":{"a":"${'a'.repeat(17 * 1024 * 1024)}"}}\n`),
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
  'crashes-in-a-line': () => process.stdout.write('{"id":', () => process.exit(0)),
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
  'answers-wrongly': ({ id }) => say({ id, ok: { id: 'spiffe://example.org/b' } }),
};

createInterface({ input: process.stdin })
  .on('line', (line) => take(JSON.parse(line) as Call))
  .on('close', () => {
    if (mode === 'ignores-end' || mode === 'ignores-sigterm') setInterval(() => {}, 1000);
  });

function take(call: Call): void {
  if (call.op === 'hello') sayHello(call);
  else if (call.op === 'bye') {
    say({ id: call.id, ok: {} });
    if (mode === 'ends-with-1') process.exitCode = 1;
  } else if (call.params.id?.endsWith('/.a') === true && WRONG[mode] !== undefined) WRONG[mode](call);
  else say({ id: call.id, ...verdict(call) });
}

function sayHello({ id }: Call): void {
  if (mode === 'silent-at-start') return;
  const hello = {
    protocol: mode === 'speaks-2' ? 2 : 1,
    implementation: { name: 'hostile', version: '1', language: 'typescript' },
    capabilities: { ops: mode === 'can-nothing' ? [] : ['id.parse'] },
  };
  if (mode === 'refuses-hello') say({ id, reject: { code: 'unknown', message: 'I speak protocol 9 alone' } });
  else if (mode === 'hello-without-ops') say({ id, ok: { ...hello, capabilities: {} } });
  else say({ id, ok: hello });
}

function verdict({ params: { id = '' } }: Call): object {
  const reject = { reject: { code: 'unknown', message: 'no SPIFFE ID' } };
  if (mode === 'rejects-all') return reject;
  const [, trustDomain, path = ''] = IDS.exec(id) ?? [];
  if (mode === 'accepts-all') return { ok: { id, trustDomain: '', path: '', segments: [] } };
  if (trustDomain === undefined) return reject;
  return { ok: { id, trustDomain, path, segments: path.split('/').slice(1) } };
}

function say(message: object): void {
  write(JSON.stringify(message));
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
