// The api: books orders with the ledger, keeps its journal, reserves stock, and has a door of its own for the partner.
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { authorizeId, authorizeOneOf } from '@svidkit/core';
import {
  connectTls,
  createHttp2Client,
  createHttpsAgent,
  createHttpsServer,
  drainServers,
  type HttpsAgent,
  peerOf,
} from '@svidkit/tls';

import { HOST, IDS } from '../topology.ts';
import { type Host, hostService } from './host.ts';
import { expectAnswer, jsonListener, listenOn, postJson } from './http.ts';
import { postOverHttp2 } from './http2.ts';
import { pace, together } from './pace.ts';
import { QuotesClient } from './quotes-client.ts';

const toLedger = { authorize: authorizeId(IDS.ledger) };
const LINES_PER_CONVERSATION = 10;
const QUOTES_PER_STREAM = 4;
let close = async (): Promise<unknown> => undefined;
/** Known once everybody listens; the first order may come a moment before that news. */
const ledgerPort = Promise.withResolvers<number>();

await hostService({
  async listen(host) {
    const agent = createHttpsAgent(host.source, toLedger);
    const orders = createHttpsServer(
      host.source,
      { authorize: authorizeOneOf(IDS.frontend, IDS.console), deny: host.deny },
      jsonListener(host, async (peer) => ({
        service: 'api',
        you: peer.id.toString(),
        bookedBy: await book(host, agent),
      })),
    );
    const partners = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.settlement), deny: host.deny },
      jsonListener(host, (peer) => ({ service: 'api-partners', you: peer.id.toString() })),
    );
    close = async () => {
      await drainServers([orders, partners]);
      agent.close();
    };
    return { api: await listenOn(orders), 'api-partners': await listenOn(partners) };
  },

  call(host, ports) {
    ledgerPort.resolve(ports.ledger);
    const toPartner = createHttpsAgent(host.source, { authorize: authorizeId(IDS.settlement) });
    const stock = createHttp2Client(host.source, `https://${HOST}:${ports.stock}`, {
      authorize: authorizeId(IDS.stock),
    });
    const quotes = new QuotesClient(host.source, ports.quotes);
    const wanted = { service: 'quotes', you: IDS.api };
    return together(
      pace(2, 1, () => converse(host, ports['ledger-journal'])),
      pace(5, 1, () =>
        host.meter.request('notices', async () => {
          const answer = await postJson(toPartner, ports.settlement, '/notices', {});
          expectAnswer(answer, { service: 'settlement', you: IDS.api });
        }),
      ),
      pace(20, 4, () =>
        host.meter.request('reservations', async () => {
          const answer = await postOverHttp2(stock, '/reservations');
          expectAnswer(answer, { service: 'stock', you: IDS.api });
        }),
      ),
      pace(20, 4, () =>
        host.meter.request('quotes', async () => {
          const quote = await quotes.get();
          expectAnswer({ status: 200, body: { ...quote } }, wanted);
        }),
      ),
      // Now and then a stream is open while identities rotate.
      pace(3, 2, () =>
        host.meter.request('ticker', async () => {
          const [quote, ...others] = await quotes.watch(QUOTES_PER_STREAM);
          expectAnswer(
            { status: 200, body: { ...quote, more: others.length } },
            { ...wanted, more: QUOTES_PER_STREAM - 1 },
          );
        }),
      ),
    );
  },

  // Some address says that it is the ledger. Not a byte of this request may reach it if it is not.
  async dial(host, port, via, mark) {
    if (via === 'https') {
      const agent = createHttpsAgent(host.source, { ...toLedger, keepAlive: false });
      try {
        await postJson(agent, port, '/entries', { secret: mark }, { 'x-mark': mark });
      } finally {
        agent.destroy();
      }
      return;
    }
    const socket = await connectTls(host.source, { ...toLedger, host: HOST, port });
    socket.write(`${mark}\n`);
    await once(socket, 'data');
    socket.destroy();
  },

  close: () => close(),
});

/** Books one order; gives the ID that the ledger knows us by. */
async function book(host: Host, agent: HttpsAgent): Promise<unknown> {
  let you: unknown;
  await host.meter.request('entries', async () => {
    const answer = await postJson(agent, await ledgerPort.promise, '/entries', {});
    expectAnswer(answer, { service: 'ledger', you: IDS.api });
    ({ you } = answer.body);
  });
  return you;
}

/** One connection of plain TLS: some lines, each answered by the ID that the ledger knows us by. */
async function converse(host: Host, port: number): Promise<void> {
  try {
    const socket = await connectTls(host.source, { ...toLedger, host: HOST, port });
    const answers = createInterface({ input: socket })[Symbol.asyncIterator]();
    for (let line = 1; line <= LINES_PER_CONVERSATION; line += 1) {
      await host.meter.request('journal', async () => {
        socket.write(`entry ${line}\n`);
        const { value, done } = (await answers.next()) as IteratorResult<string, undefined>;
        const want = `${IDS.api} entry ${line}`;
        if (done === true || value !== want) {
          throw Object.assign(new Error(`want "${want}", got ${done === true ? 'the end' : `"${value}"`}`), {
            code: 'WRONG_ANSWER',
          });
        }
        // The ledger must still be who it was when the connection was opened.
        peerOf(socket);
      });
    }
    socket.end();
  } catch (error) {
    host.meter.fail('connect to the journal of the ledger', error);
  }
}
