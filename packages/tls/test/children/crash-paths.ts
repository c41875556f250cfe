// Walks every path on which destroying a socket at the wrong moment has been seen to end the process, and prints what
// became of each. No handler for uncaught errors: any of them ends this program.
import { once } from 'node:events';
import { connect as connectHttp2, createSecureServer, type ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, createServer as createTcp } from 'node:net';
import { connect } from 'node:tls';

import { authorizeAny, authorizeId, authorizeMemberOf } from '@svidkit/core';
import {
  connectTls,
  createHttpsAgent,
  createHttpsServer,
  secureServer,
  tlsClientOptions,
} from '@svidkit/tls';

import {
  application,
  CLIENTS,
  closeAll,
  get,
  httpsService,
  knock,
  listen,
  rawServer,
  rotate,
  serve,
  sourceOf,
  tlsService,
  world,
} from '../fixtures.ts';

const NOBODY = authorizeId('spiffe://a.test/nobody');
const ANYONE = authorizeMemberOf('a.test');
const outcomes: Record<string, string> = {};
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'succeeded',
    () => 'failed',
  );

const { a, rogue } = await world();
const source = await sourceOf(a, { path: '/client' });

// A server of ours that rejects us.
const rejecting = await tlsService(source, { authorize: NOBODY });
const rejectingHttps = await httpsService(source, { authorize: NOBODY });
const rejectingHttp2 = await serve((handled) =>
  secureServer(createSecureServer({}, application(handled) as never), source, { authorize: NOBODY }),
);
for (const [name, call] of Object.entries(CLIENTS)) {
  outcomes[`${name} to a rejecting server`] = await outcome(call(source, ANYONE, rejecting));
}
const agent = createHttpsAgent(source, { authorize: ANYONE });
for (let round = 0; round < 5; round += 1) {
  outcomes['agent to a rejecting server'] = await outcome(
    get({ agent, host: '127.0.0.1', port: rejectingHttps.port }),
  );
}

/** One request, however the session ends. */
const ask = (session: ClientHttp2Session): Promise<unknown> => {
  session.on('error', () => {});
  return new Promise((resolve, reject) => {
    session.once('close', () => reject(new Error('session closed')));
    session.once('error', reject);
    const stream = session.request({ ':path': '/' });
    stream.on('error', reject);
    stream.on('response', resolve);
    stream.resume();
  });
};
const overConnection = async (port: number): Promise<unknown> => {
  const target = { authorize: ANYONE, host: '127.0.0.1', port, ALPNProtocols: ['h2'] };
  const socket = await connectTls(source, target);
  const session = connectHttp2(`https://127.0.0.1:${port}`, { createConnection: () => socket });
  return ask(session).finally(() => session.destroy());
};
outcomes['http2 over connectTls to a rejecting server'] = await outcome(overConnection(rejectingHttp2.port));
const accepting = await serve((handled) =>
  secureServer(createSecureServer({}, application(handled) as never), source, { authorize: ANYONE }),
);
outcomes['http2 over connectTls to an accepting server'] = await outcome(overConnection(accepting.port));

const evil = await rogue.issue();
const evilServer = createSecureServer({ cert: evil.certPem, key: evil.keyPem });
const evilPort = await listen(evilServer);
outcomes['http2 with tlsClientOptions to an impostor'] = await outcome(
  ask(connectHttp2(`https://127.0.0.1:${evilPort}`, tlsClientOptions(source, { authorize: ANYONE }))),
);
const honest = await a.issue();
const honestServer = createSecureServer({ cert: honest.certPem, key: honest.keyPem }, (_, response) =>
  response.end(),
);
const honestPort = await listen(honestServer);
const optionsSession = connectHttp2(
  `https://127.0.0.1:${honestPort}`,
  tlsClientOptions(source, { authorize: ANYONE }),
);
outcomes['http2 with tlsClientOptions to an honest server'] = await outcome(ask(optionsSession));
optionsSession.destroy();
outcomes['http2 with tlsClientOptions to an unwanted server'] = await outcome(
  ask(connectHttp2(`https://127.0.0.1:${honestPort}`, tlsClientOptions(source, { authorize: NOBODY }))),
);

// Live HTTP/2 sessions on both sides, whose authority goes away, and whose source closes.
for (const end of ['authority removed', 'source closed'] as const) {
  const { next, both } = await a.rotate();
  const serverSource = await sourceOf(a, { bundles: [both] });
  const clientSource = await sourceOf(a, { bundles: [both] });
  const live = await serve((handled) =>
    secureServer(createSecureServer({}, application(handled) as never), serverSource, {
      authorize: authorizeAny(),
    }),
  );
  const socket = await connectTls(clientSource, {
    authorize: authorizeAny(),
    host: '127.0.0.1',
    port: live.port,
    ALPNProtocols: ['h2'],
  });
  const session = connectHttp2(`https://127.0.0.1:${live.port}`, { createConnection: () => socket });
  await ask(session);
  const hanging = outcome(ask(session).then(() => once(session, 'close')));
  if (end === 'authority removed') {
    await rotate(clientSource, next, { bundles: [next] });
    await rotate(serverSource, next, { bundles: [next] });
    outcomes[`live http2, ${end}`] = await hanging;
  } else {
    await serverSource.close();
    await clientSource.close();
    session.destroy();
    outcomes[`live http2, ${end}`] = await hanging;
  }
}

// Connections that die right after they were handed over, to an owner that does not listen for errors.
const dying = await rawServer(await a.issue());
dying.server.on('secureConnection', (socket) => setImmediate(() => socket.destroy()));
const abrupt = createTcp((inner) => {
  const outer = connectTcp(dying.port, '127.0.0.1');
  inner.on('error', () => {});
  outer.on('error', () => {});
  inner.pipe(outer).pipe(inner);
  outer.once('close', () => inner.resetAndDestroy());
});
const abruptPort = await listen(abrupt);
for (let round = 0; round < 10; round += 1) {
  const socket = await connectTls(source, { authorize: ANYONE, host: '127.0.0.1', port: abruptPort }).catch(
    () => undefined,
  );
  if (socket === undefined) continue;
  socket.write('x');
  socket.resume();
  await new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once('close', resolve)));
}
outcomes['reset after the handover'] = 'survived';

// An application that answers a rejection with text, as the documentation of node:http shows it.
const talkative = createHttpsServer(source, { authorize: NOBODY });
talkative.on('clientError', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
talkative.on('tlsClientError', (_, socket) => {
  socket.write('too late');
  socket.end();
  socket.destroy();
});
const refused = await knock(await listen(talkative), await a.issue());
outcomes['an application that talks to rejected clients'] = refused.received.toString() || 'nothing was said';

// A client that gives up in every moment of its own connect.
for (const event of ['connect', 'lookup', 'secureConnect', 'ready']) {
  const socket = connect({
    host: 'localhost',
    port: dying.port,
    ...tlsClientOptions(source, { authorize: ANYONE }),
  });
  socket.on('error', () => {});
  socket.prependListener(event, () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
}
outcomes['a client that gives up'] = 'survived';

agent.destroy();
await closeAll();
console.log(JSON.stringify(outcomes));
