import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

import { HOST } from '../topology.ts';
import { type Scoreboard } from './scoreboard.ts';
import { snapshotOf } from './snapshot.ts';

/** The page that shows how a run goes. */
export interface Page {
  readonly url: string;
  /** Sends what there is to say at the end, and serves no more. */
  close(): void;
}

const REFRESH_MS = 500;

/**
 * Serves the page to browsers on this machine: one HTML file that loads nothing, and is told by Server-Sent Events.
 *
 * @param port - 0: any free one. Rejects when it is taken.
 */
export function servePage(board: Scoreboard, forMs: number | undefined, port: number): Promise<Page> {
  const html = readFileSync(new URL('./page.html', import.meta.url), 'utf8');
  const policy = contentPolicy(html);
  const watching = new Set<ServerResponse>();
  const tell = (response: ServerResponse): void =>
    void response.write(`data: ${JSON.stringify(snapshotOf(board, forMs))}\n\n`);

  const server = createServer((request, response) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    if (!isForUs(request)) {
      response.writeHead(421).end();
    } else if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET' }).end();
    } else if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      watching.add(response);
      response.once('close', () => watching.delete(response));
      tell(response);
    } else if (request.url === '/') {
      response
        .writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': policy,
          'referrer-policy': 'no-referrer',
        })
        .end(html);
    } else {
      response.writeHead(404).end();
    }
  });
  const timer = setInterval(() => {
    for (const response of watching) tell(response);
  }, REFRESH_MS);

  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearInterval(timer);
      server.close();
    };
    server.once('error', (error) => {
      stop();
      reject(error);
    });
    server.listen(port, HOST, () => {
      const { port: bound } = server.address() as AddressInfo;
      resolve({
        url: `http://${HOST}:${bound}/`,
        close() {
          for (const response of watching) {
            tell(response);
            response.end('event: end\ndata: {}\n\n');
          }
          stop();
        },
      });
    });
  });

  /** A page elsewhere whose name was made to lead here does not get to read what is for this machine. */
  function isForUs({ headers }: IncomingMessage): boolean {
    const { port: bound } = server.address() as AddressInfo;
    return headers.host === `${HOST}:${bound}` || headers.host === `localhost:${bound}`;
  }
}

/** Nothing but the page's own script and style, and connections back here. */
function contentPolicy(html: string): string {
  const hashOf = (element: string): string => {
    const content = new RegExp(`<${element}>([^]*?)</${element}>`).exec(html)?.[1] ?? '';
    return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  return [
    "default-src 'none'",
    `script-src ${hashOf('script')}`,
    `style-src ${hashOf('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
