import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is a Chromium to look at pages with. */
export const HAS_CHROMIUM: boolean = spawnSync('chromium', ['--version']).status === 0;

/** A page in a headless Chromium, and what it complained about. */
export interface Page {
  /** Runs an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** A picture of what is visible, as PNG. */
  screenshot(): Promise<Buffer>;
  /** What the page, its policy or its script had to say: there should be nothing. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: unknown;
  readonly params?: { readonly entry?: { readonly text: string }; readonly exceptionDetails?: object };
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--no-first-run',
  '--remote-debugging-port=0',
];

/** Opens a page in a window of that size, in CSS pixels. */
export async function openPage(
  url: string,
  size: { readonly width: number; readonly height: number; readonly dark?: boolean },
): Promise<Page> {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const browser = spawn('chromium', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const complaints: string[] = [];
  const socket = await connect(browser);
  let lastId = 0;
  const waiting = new Map<number, (message: Message) => void>();
  const loaded = Promise.withResolvers<void>();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    if (message.method === 'Page.loadEventFired') loaded.resolve();
    if (message.method === 'Log.entryAdded') complaints.push(message.params?.entry?.text ?? '');
    if (message.method === 'Runtime.exceptionThrown')
      complaints.push(JSON.stringify(message.params?.exceptionDetails));
  });
  const send = async (method: string, params: object = {}): Promise<unknown> => {
    const id = ++lastId;
    const { promise, resolve } = Promise.withResolvers<Message>();
    waiting.set(id, resolve);
    socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };
  const { width, height, dark = false } = size;
  for (const domain of ['Page', 'Log', 'Runtime']) await send(`${domain}.enable`);
  await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
  await send('Emulation.setEmulatedMedia', { features });
  await send('Page.navigate', { url });
  await loaded.promise;
  return {
    complaints,
    evaluate: async (expression) => {
      const answer = (await send('Runtime.evaluate', { expression, returnByValue: true })) as {
        readonly result: { readonly value?: unknown };
        readonly exceptionDetails?: object;
      };
      if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails));
      return answer.result.value;
    },
    screenshot: async () => {
      const { data } = (await send('Page.captureScreenshot', { format: 'png' })) as { readonly data: string };
      return Buffer.from(data, 'base64');
    },
    close: async () => {
      const gone = once(browser, 'close');
      browser.kill('SIGKILL');
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** To its first page. */
async function connect(browser: ChildProcess): Promise<WebSocket> {
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  browser.once('close', () => reject(new Error(`chromium ended: ${said.slice(-500)}`)));
  browser.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const address = /DevTools listening on ws:\/\/([^/\s]+)\//.exec(said)?.[1];
    if (address !== undefined) resolve(address);
  });
  const address = await promise;
  const response = await fetch(`http://${address}/json/list`);
  const targets = (await response.json()) as {
    readonly type: string;
    readonly webSocketDebuggerUrl: string;
  }[];
  const page = targets.find(({ type }) => type === 'page');
  if (page === undefined) throw new Error('chromium has no page');
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  await once(socket, 'open');
  return socket;
}
