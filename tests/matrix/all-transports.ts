import { type Transport } from './transport.ts';
import { express5, fastify5, hono, koa, nest } from './transports/frameworks.ts';
import { grpcStream, grpcUnary } from './transports/grpc.ts';
import { https, httpsByOptions } from './transports/http1.ts';
import { http2 } from './transports/http2.ts';
import { tls, tlsByOptions } from './transports/tls.ts';
import { boundFetch, undiciHttp1, undiciHttp2 } from './transports/undici.ts';
import { ws } from './transports/ws.ts';

/** The rows of the matrix. */
export const TRANSPORTS = {
  tls,
  https,
  http2,
  ws,
  'gRPC unary': grpcUnary,
  'gRPC stream': grpcStream,
  'Express 5': express5,
  'Fastify 5': fastify5,
  Koa: koa,
  Hono: hono,
  Nest: nest,
  'undici HTTP/1.1': undiciHttp1,
  'undici HTTP/2': undiciHttp2,
  'bound fetch': boundFetch,
  'tls.connect with tlsClientOptions': tlsByOptions,
  'https.request with tlsClientOptions': httpsByOptions,
} satisfies Record<string, Transport>;

/** The name of a row. */
export type TransportName = keyof typeof TRANSPORTS;
