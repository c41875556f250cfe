import { createServer, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type TLSSocket } from 'node:tls';

import { authorizeAny, staticX509Source, type X509Source } from '@svidkit/core';

import { closing, toPem } from '../../packages/tls/test/fixtures.ts';
import { parseAnswer } from './answer.ts';
import { CLIENT } from './cells/parties.ts';
import { hostServer } from './host-server.ts';
import { Handled, type Transport } from './transport.ts';
import { https } from './transports/http1.ts';

/** A source that stays what it was. */
function frozen(source: X509Source): X509Source {
  const { svid, bundles } = source.current;
  return closing(staticX509Source({ svid, bundles }), (one) => one.close());
}

/** An end that shows the SVID of a source as it was, and takes everybody. */
function bare(source: X509Source): { readonly cert: string; readonly key: string } {
  const { svid } = source.current;
  const cert = svid.certificates.map(({ der }) => toPem(der)).join('');
  return { cert, key: svid.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Rows that must fail, and in which cells at least. */
export const BROKEN: Readonly<Record<string, { readonly transport: Transport; readonly in: RegExp }>> = {
  'answers itself and connects to nobody': {
    transport: {
      ...https,
      connect: (source) => ({
        ask: async () => ({ server: '00', client: source.current.svid.leaf.serialNumber, peer: CLIENT }),
        close: () => {},
      }),
    },
    in: /^accept$|: server$|rotation|drain|restart/,
  },
  'has a client that does not follow its source': {
    transport: { ...https, connect: (source, options) => https.connect(frozen(source), options) },
    in: /rotation|removed CA on reconnect/,
  },
  'has a server that does not follow its source': {
    transport: { ...https, serve: (source, options) => https.serve(frozen(source), options) },
    in: /rotation|removed CA on reconnect/,
  },
  'has a client that asks no authorizer': {
    transport: {
      ...https,
      connect: (source, options) => https.connect(source, { ...options, authorize: authorizeAny() }),
    },
    in: /^unauthorised path: server$/,
  },
  'has a server that asks no authorizer': {
    transport: {
      ...https,
      serve: (source, options) => https.serve(source, { ...options, authorize: authorizeAny() }),
    },
    in: /^unauthorised path: client$/,
  },
  'has a server that verifies nobody': {
    transport: {
      ...https,
      serve(source, options) {
        const handled = new Handled();
        const accepting = { ...bare(source), requestCert: true, rejectUnauthorized: false, ca: [] };
        const server = createServer(accepting, (asked, response) => {
          handled.add(CLIENT);
          const { serialNumber } = (asked.socket as TLSSocket).getPeerCertificate();
          response.end(`peer=${CLIENT} serial=${serialNumber?.toLowerCase()}\n`);
        });
        return hostServer(server, handled, options);
      },
    },
    in: /: client$|rotation/,
  },
  'has a client that verifies nobody': {
    transport: {
      ...https,
      connect: (source, { host, port }) => ({
        ask: () =>
          new Promise((resolve, reject) => {
            const options = { ...bare(source), host, port, agent: false, rejectUnauthorized: false };
            const asked = request(options, (response) => {
              const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate();
              text(response).then((body) => resolve(parseAnswer(body, serialNumber.toLowerCase())), reject);
            });
            asked.on('error', reject).end();
          }),
        close: () => {},
      }),
    },
    in: /: server$/,
  },
  'has a client that loses what it asks while its source changes': {
    transport: {
      ...https,
      connect(source, options) {
        const client = https.connect(source, options);
        const ask: typeof client.ask = async () => {
          const { generation } = source.current;
          const answer = await client.ask();
          if (generation !== source.current.generation) throw new Error('lost');
          return answer;
        };
        return { ...client, ask };
      },
    },
    in: /rotation/,
  },
  'has a server that drops what it works on when it ends': {
    transport: {
      ...https,
      async serve(source, options) {
        const service = await https.serve(source, options);
        return {
          ...service,
          drain: async () => {
            await service.kill();
            return true;
          },
        };
      },
    },
    in: /^drain$/,
  },
  'has a client that stays away once it was refused': {
    transport: {
      ...https,
      connect(source, options) {
        const client = https.connect(source, options);
        let last: Promise<unknown> | undefined;
        const ask: typeof client.ask = async () => {
          if (last !== undefined) await last;
          const answer = client.ask();
          answer.catch(() => void (last = answer));
          return answer;
        };
        return { ...client, ask };
      },
    },
    in: /^server restart$|removed CA on reconnect/,
  },
};
