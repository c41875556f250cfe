import { Buffer } from 'node:buffer';
import { type ServerResponse } from 'node:http';

import { formatBundleDocument, type SpiffeBundle } from '@svidkit/core';

/** What a fake bundle endpoint does with one request. */
export type BundleReply =
  /** Answers with a document. */
  | {
      readonly document: string | Uint8Array | SpiffeBundle;
      /** @default 200 */
      readonly status?: number;
      /** Beside `content-type: application/json`, or in its place. */
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Answers with a status and nothing else. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Sends the client elsewhere, with status 302 unless `status` says otherwise. */
  | { readonly redirect: string; readonly status?: 301 | 302 | 303 | 307 | 308 }
  /** Keeps the client waiting for ever: before the TLS handshake, before the answer, or in the middle of its body. */
  | { readonly stall: 'handshake' | 'answer' | 'body' }
  /** Sends a byte every few milliseconds and never comes to an end: in the head of the answer or in its body. */
  | { readonly trickle: 'head' | 'body' }
  /** Sends a body of so many bytes; Infinity: as long as the client reads. */
  | { readonly size: number }
  /** Promises a document and ends in the middle of it. */
  | { readonly truncated: string | Uint8Array | SpiffeBundle }
  /** Ends the connection without an answer. */
  | { readonly reset: true }
  /** Sends these bytes in place of an answer. */
  | { readonly raw: string };

const TRICKLE_MS = 5;
const BLOCK = Buffer.alloc(16_384, ' ');

/** Carries out a reply. `stall: 'handshake'` never gets here. */
export function reply(response: ServerResponse, what: BundleReply): void {
  const { socket } = response;
  if ('document' in what) {
    const body = bytesOf(what.document);
    response.writeHead(what.status ?? 200, { 'content-type': 'application/json', ...what.headers });
    response.end(body);
  } else if ('redirect' in what) {
    response.writeHead(what.status ?? 302, { location: what.redirect }).end();
  } else if ('stall' in what) {
    if (what.stall === 'body') response.writeHead(200, { 'content-length': 1000 }).write('{');
  } else if ('trickle' in what) {
    trickle(response, what.trickle);
  } else if ('size' in what) {
    response.writeHead(200);
    pour(response, what.size);
  } else if ('truncated' in what) {
    const body = bytesOf(what.truncated);
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, body.length / 2), () => socket?.destroy());
  } else if ('raw' in what) {
    socket?.end(what.raw);
  } else if ('reset' in what) {
    socket?.destroy();
  } else {
    response.writeHead(what.status, what.headers).end();
  }
}

function bytesOf(document: string | Uint8Array | SpiffeBundle): Buffer {
  if (typeof document === 'string') return Buffer.from(document);
  return Buffer.from(document instanceof Uint8Array ? document : formatBundleDocument(document));
}

function trickle(response: ServerResponse, where: 'head' | 'body'): void {
  const { socket } = response;
  if (where === 'head') socket?.write('HTTP/1.1 200 OK\r\nx-slow: ');
  else response.writeHead(200);
  const timer = setInterval(() => {
    if (where === 'head') socket?.write('a');
    else response.write(' ');
  }, TRICKLE_MS);
  timer.unref();
  response.once('close', () => clearInterval(timer));
}

function pour(response: ServerResponse, left: number): void {
  for (let rest = left; rest > 0; rest -= BLOCK.length) {
    const block = rest < BLOCK.length ? BLOCK.subarray(0, rest) : BLOCK;
    if (response.write(block)) continue;
    response.once('drain', () => pour(response, rest - block.length));
    return;
  }
  response.end();
}
