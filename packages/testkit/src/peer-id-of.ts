import { type ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';

/** The SPIFFE ID in the certificate of a client, which OpenSSL has verified; undefined without TLS. */
export function peerIdOf({ session }: ServerHttp2Stream): string | undefined {
  const socket: unknown = session?.socket;
  if (!(socket instanceof TLSSocket)) return undefined;
  const names = socket.getPeerX509Certificate()?.subjectAltName?.split(', ') ?? [];
  return names.find((name) => name.startsWith('URI:'))?.slice('URI:'.length);
}
