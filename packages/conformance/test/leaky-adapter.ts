// An adapter that judges pairs of certificate and key rightly, and shows the key on the way that its argument names.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createInterface } from 'node:readline';

interface Call {
  readonly id: number;
  readonly op: string;
  readonly params: { readonly cert: string; readonly key: string };
}

const mode = process.argv[2] ?? '';
const hello = {
  protocol: 1,
  implementation: { name: 'leaky', version: '1', language: 'typescript' },
  capabilities: { ops: ['svid.parsePem'] },
};

const LEAKS: Readonly<Record<string, (key: string, answer: object) => object>> = {
  message: (key) => ({ reject: { code: 'key.mismatch', message: `does not fit: ${key}` } }),
  code: (key) => ({ reject: { code: key.split('\n')[1] } }),
  trace: (key) => ({ fault: { message: 'failed', trace: `at parse(${key})` } }),
  'unknown-member': (key, answer) => ({ ...answer, debug: { input: [key] } }),
  stderr: (key, answer) => {
    process.stderr.write(`DEBUG key=${JSON.stringify(key)}\n`);
    return answer;
  },
  'stderr-in-two': (key, answer) => {
    const text = createPrivateKey(key).export({ format: 'jwk' }).d ?? '';
    process.stderr.write(`DEBUG d=${text.slice(0, 20)}`);
    setImmediate(() => process.stderr.write(text.slice(20)));
    return answer;
  },
  stdout: (key, answer) => {
    process.stdout.write(`key ${key.replaceAll('\n', '')}\n`);
    return answer;
  },
  crash: (key) => {
    process.stderr.write(`panic: ${key.replaceAll('\n', '')}\n`, () => process.exit(1));
    return {};
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, op, params } = JSON.parse(line) as Call;
  if (op === 'hello') say({ id, ok: hello });
  else if (op !== 'svid.parsePem') say({ id, ok: {} });
  else {
    const answer = judge(params);
    const shown = 'reject' in answer ? LEAKS[mode]?.(params.key, answer) : undefined;
    if (mode !== 'crash' || shown === undefined) say({ id, ...(shown ?? answer) });
  }
});

function judge({ cert, key }: Call['params']): object {
  const leaf = new X509Certificate(cert);
  if (!leaf.checkPrivateKey(createPrivateKey(key)))
    return { reject: { code: 'key.mismatch', message: 'no pair' } };
  const id = leaf.subjectAltName?.replace('URI:', '');
  const sha256 = leaf.fingerprint256.replaceAll(':', '').toLowerCase();
  return { ok: { id, chainSha256: [sha256] } };
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
