import { X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

import { pem } from '../pki/pem.ts';

/** What OpenSSL says about a chain: `OK`, or why not. */
export type OpensslVerdict = string;

/** Parts of `TLSSocket` that are not documented: test code may use them, nothing else. */
interface RawHandle {
  onerror: (error: Error) => void;
  receive(data: Buffer): void;
  start(): void;
  verifyError(): (Error & { code?: string }) | null;
}

const CIPHERS = 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0';
const RSA_SUITE = 0xc02f;
const ECDSA_SUITE = 0xc02b;
const RANDOM = Buffer.alloc(32, 7);
const MOST_RECORD = 16_384;

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
const prefixed = (...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(body.length), body]);
};
const tlsExtension = (type: number, ...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([u16(type), prefixed(...parts)]);
const handshake = (type: number, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type]), u24(body.length), body]);
};

const RENEGOTIATION = tlsExtension(0xff01, Buffer.from([0]));
const EXTENDED_MASTER_SECRET = tlsExtension(23);
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201,
];

const CLIENT_HELLO = handshake(
  1,
  u16(0x0303),
  RANDOM,
  Buffer.from([0]),
  prefixed(u16(RSA_SUITE), u16(ECDSA_SUITE)),
  Buffer.from([1, 0]),
  prefixed(
    tlsExtension(13, prefixed(...SIGNATURES.map(u16))),
    tlsExtension(10, prefixed(u16(29), u16(23))),
    tlsExtension(11, Buffer.from([1, 0])),
    RENEGOTIATION,
    EXTENDED_MASTER_SECRET,
  ),
);

/**
 * Makes OpenSSL judge a chain at the time of this machine, without a key of the peer: the plain start of a TLS 1.2
 * handshake is fed into a socket in memory, and OpenSSL verifies the certificate message before it wants a proof.
 *
 * @param own - any key and self-signed certificate, so that a server has something to answer with.
 */
export function judgeByOpenssl(
  chain: readonly Buffer[],
  anchors: readonly Buffer[],
  role: 'client' | 'server',
  own: { readonly key: string; readonly cert: string },
): OpensslVerdict {
  const [leaf] = chain;
  if (leaf === undefined) return 'no leaf';
  const context = contextOf(anchors, own);
  if (typeof context === 'string') return context;
  const isServer = role === 'client';
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(wire, {
    isServer,
    secureContext: context,
    requestCert: true,
    rejectUnauthorized: false,
  });
  let failure: Error | undefined;
  const note = (error: Error): void => {
    failure ??= error;
  };
  socket.on('error', note);
  const handle = (socket as unknown as { _handle: RawHandle })._handle;
  // Called at once, unlike the event; after a failure there may be no peer, and `verifyError` would crash.
  Object.assign(handle, { onerror: note });
  if (!isServer) handle.start();
  const hello = isServer ? CLIENT_HELLO : serverHello(suiteFor(leaf));
  handle.receive(Buffer.concat([...records(hello), ...records(certificateMessage(chain))]));
  try {
    if (failure !== undefined)
      return isLeftover(failure) ? 'CERT_SIGNATURE_FAILURE' : `handshake: ${failure.message}`;
    // Not `getPeerCertificate`, which crashes on keys that are on curves without a NIST name.
    if (socket.getPeerX509Certificate()?.raw.equals(leaf) !== true) return 'handshake: no peer';
    const error = handle.verifyError();
    return error === null ? 'OK' : `${error.code ?? ''} ${error.message}`;
  } finally {
    socket.destroy();
  }
}

/** A signature that did not verify leaves its error behind, and Node takes it for one of the handshake. */
function isLeftover({ message }: Error): boolean {
  return /EVP_DigestVerify:|verify_sig:bad signature|rsa_ossl_public_decrypt|:rsa_/.test(message);
}

function contextOf(
  anchors: readonly Buffer[],
  own: { readonly key: string; readonly cert: string },
): SecureContext | string {
  try {
    return createSecureContext({
      // `createSecureContext` without `ca` would trust the roots of the machine.
      ca: anchors.map((der) => pem('CERTIFICATE', der)),
      key: own.key,
      cert: own.cert,
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      allowPartialTrustChain: true,
    });
  } catch (error) {
    return `context: ${String(error)}`;
  }
}

function certificateMessage(chain: readonly Buffer[]): Buffer {
  const list = Buffer.concat(chain.flatMap((der) => [u24(der.length), der]));
  return handshake(11, u24(list.length), list);
}

function serverHello(suite: number): Buffer {
  return handshake(
    2,
    u16(0x0303),
    RANDOM,
    Buffer.from([0]),
    u16(suite),
    Buffer.from([0]),
    prefixed(RENEGOTIATION, EXTENDED_MASTER_SECRET),
  );
}

/** A suite that goes with the key of the leaf; with another one OpenSSL would give up before it verifies. */
function suiteFor(leaf: Buffer): number {
  try {
    return new X509Certificate(leaf).publicKey.asymmetricKeyType === 'rsa' ? RSA_SUITE : ECDSA_SUITE;
  } catch {
    return ECDSA_SUITE;
  }
}

function records(message: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < message.length; start += MOST_RECORD) {
    const part = message.subarray(start, start + MOST_RECORD);
    found.push(Buffer.concat([Buffer.from([22, 3, 3]), u16(part.length), part]));
  }
  return found;
}
