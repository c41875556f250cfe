import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';

/** A request of HTTP/1.1. */
export const HTTP1_REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');

/** A request of HTTP/1.1 for a WebSocket. */
export const WEBSOCKET_REQUEST = Buffer.from(
  [
    'GET / HTTP/1.1',
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n'),
);

/** The bytes of a client of HTTP/2 that sends one request and waits for nothing. */
export async function http2Request(headers: OutgoingHttpHeaders = {}, body?: Buffer): Promise<Buffer> {
  const sent: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const session = connect('http://localhost', { createConnection: () => wire });
  session.on('error', () => {});
  const stream = session.request({ ':path': '/', ...headers }, { endStream: false });
  stream.on('error', () => {});
  await new Promise<void>((resolve) => {
    stream.end(body ?? Buffer.alloc(0), resolve);
  });
  session.destroy();
  return Buffer.concat(sent);
}
