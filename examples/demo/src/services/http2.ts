import { once } from 'node:events';
import { type IncomingHttpHeaders } from 'node:http2';
import { text } from 'node:stream/consumers';

import { type Http2Client } from '@svidkit/tls';

import { type Answer, TIMEOUT_MS } from './http.ts';

/** One request over HTTP/2. It is sent once; whatever goes wrong is the caller's to count. */
export async function postOverHttp2(client: Http2Client, path: string): Promise<Answer> {
  const stream = await client.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/json' },
    { signal: AbortSignal.timeout(TIMEOUT_MS) },
  );
  stream.end('{}');
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return { status: Number(headers[':status']), body: JSON.parse(await text(stream)) as Answer['body'] };
}
