// Resets connections while the first gate of this process is still being proven, so that nobody has looked at them yet.
// No handler for uncaught errors: any of them ends this program.
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { authorizeAny } from '@svidkit/core';
import { createTlsServer } from '@svidkit/tls';

import { closeAll, knock, listen, sourceOf, world } from '../fixtures.ts';

const { a } = await world();
const source = await sourceOf(a);
const identity = await a.issue();

// Accepted beforehand, and handed to the server in one turn: as if they had arrived in the moment it began to listen.
const taken: Socket[] = [];
const front = createTcp({ pauseOnConnect: true }, (socket) => taken.push(socket));
const port = await listen(front);
const clients = Array.from({ length: 20 }, () => connectTcp(port, '127.0.0.1'));
await Promise.all(clients.map((socket) => once(socket, 'connect')));
while (taken.length < clients.length) await nextTurn();

const server = createTlsServer(source, { authorize: authorizeAny() }, (socket) => socket.end('peer=\n'));
const closed = Promise.all(taken.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
for (const socket of taken) {
  server.emit('connection', socket);
  socket.resume();
}
for (const socket of clients) socket.resetAndDestroy();
await closed;

const { line } = await knock(await listen(server), identity);
await closeAll();
console.log(line);
