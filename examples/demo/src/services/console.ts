// The console: asks services for their status, and looks at the certificate that each shows on new connections.
import { connect, type TLSSocket } from 'node:tls';

import { authorizeId } from '@svidkit/core';
import { createHttpsAgent } from '@svidkit/tls';

import { ENDPOINTS, type EndpointName, HOST, IDS, type Ports } from '../topology.ts';
import { type Host, hostService } from './host.ts';
import { expectAnswer, postJson } from './http.ts';
import { pace, together } from './pace.ts';

/**
 * Looks per second. Where the console is not admitted, each look is a failed handshake to the service. Not at the
 * archive, which may show its legacy certificate.
 */
const WATCHED: Readonly<Partial<Record<EndpointName, number>>> = {
  frontend: 4,
  api: 4,
  ledger: 2,
  'ledger-journal': 2,
  catalog: 4,
  pricing: 4,
  stock: 2,
  quotes: 2,
  settlement: 3,
};

await hostService({
  call(host, ports) {
    const frontend = createHttpsAgent(host.source, { authorize: authorizeId(IDS.frontend) });
    const status = pace(2, 1, () =>
      host.meter.request('status', async () => {
        const answer = await postJson(frontend, ports.frontend, '/status', {});
        expectAnswer(answer, { service: 'frontend', you: IDS.console });
      }),
    );
    const looks = Object.entries(WATCHED).map(([endpoint, perSecond]) =>
      pace(perSecond, 1, () => look(host, ports, endpoint as EndpointName)),
    );
    return together(status, ...looks);
  },
});

/**
 * Opens a connection to see the certificate, and closes it. Plain node:tls that verifies nothing, so that svidkit's
 * client cannot hide what svidkit's server shows. The ledger does not admit the console, but shows who it is.
 */
async function look(host: Host, ports: Ports, endpoint: EndpointName): Promise<void> {
  const begunAt = Date.now();
  try {
    const { certificates, privateKey } = host.source.current.svid;
    const leaf = await leafOf({
      port: ports[endpoint],
      cert: certificates.map((certificate) => certificate.toPem()).join(''),
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    });
    host.parent.send({
      type: 'seen',
      service: ENDPOINTS[endpoint].service,
      ...leaf,
      begunAt,
      seenAt: Date.now(),
    });
  } catch (error) {
    host.meter.fail(`look at ${endpoint}`, error);
  }
}

function leafOf(options: {
  readonly port: number;
  readonly cert: string;
  readonly key: string | Buffer;
}): Promise<{ fingerprint: string; notAfter: number }> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { ...options, host: HOST, rejectUnauthorized: false, timeout: 5_000 },
      () => {
        const { fingerprint256, valid_to: validTo } = socket.getPeerCertificate();
        socket.end();
        resolve({
          fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
          notAfter: Date.parse(validTo),
        });
      },
    );
    socket.on('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('timed out')));
    // Too late to matter once resolved.
    socket.once('close', () => reject(new Error('the connection ended before the handshake did')));
  });
}
