// The api: books orders with the ledger, keeps the ledger's journal, and has a door of its own for the partner.
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { authorizeId, authorizeOneOf } from '@svidkit/core';
import { connectTls, createHttpsAgent, createHttpsServer, type HttpsAgent, peerOf } from '@svidkit/tls';

import { HOST, IDS } from '../topology.ts';
import { type Host, hostService } from './host.ts';
import { closeServer, expectAnswer, jsonListener, listenOn, postJson } from './http.ts';
import { pace } from './pace.ts';

const toLedger = { authorize: authorizeId(IDS.ledger) };
const LINES_PER_CONVERSATION = 10;
let closeAll = async (): Promise<void> => {};
/** Known once everybody listens; the first order may come a moment before that news. */
const ledgerPort = Promise.withResolvers<number>();

await hostService({
  async listen(host) {
    const agent = createHttpsAgent(host.source, toLedger);
    const orders = createHttpsServer(
      host.source,
      { authorize: authorizeOneOf(IDS.frontend, IDS.console) },
      jsonListener(host, async (peer) => ({
        service: 'api',
        you: peer.id.toString(),
        bookedBy: await book(host, agent),
      })),
    );
    const partners = createHttpsServer(
      host.source,
      { authorize: authorizeId(IDS.settlement) },
      jsonListener(host, (peer) => ({ service: 'api-partners', you: peer.id.toString() })),
    );
    closeAll = async () => {
      await Promise.all([closeServer(orders), closeServer(partners)]);
      agent.close();
    };
    return { api: await listenOn(orders), 'api-partners': await listenOn(partners) };
  },

  call(host, ports) {
    ledgerPort.resolve(ports.ledger);
    const toPartner = createHttpsAgent(host.source, { authorize: authorizeId(IDS.settlement) });
    const journal = pace(2, 1, () => converse(host, ports['ledger-journal']));
    const notices = pace(5, 1, () =>
      host.meter.request('POST settlement/notices', async () => {
        const answer = await postJson(toPartner, ports.settlement, '/notices', {});
        expectAnswer(answer, { service: 'settlement', you: IDS.api });
      }),
    );
    return { stop: async () => void (await Promise.all([journal.stop(), notices.stop()])) };
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

  close: () => closeAll(),
});

/** Books one order; gives the ID that the ledger knows us by. */
async function book(host: Host, agent: HttpsAgent): Promise<unknown> {
  let you: unknown;
  await host.meter.request('POST ledger/entries', async () => {
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
      await host.meter.request('line to ledger journal', async () => {
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
    host.meter.fail('connect to ledger journal', error);
  }
}
