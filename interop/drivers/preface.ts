import { type Socket } from 'node:net';

/** What a protocol says in the clear before TLS, and how to say that there is none. */
export interface Preface {
  /** Passes it on between a client and the real server, up to where TLS begins on both. */
  relay(client: Socket, server: Socket): Promise<void>;
  /** Tells the client that this server has no TLS. What the client says then is not read here. Absent: no such thing. */
  refuse?(client: Socket, server: Socket): Promise<void>;
}

/** TLS from the first byte. */
export const noPreface: Preface = {
  relay: async () => {},
};

/** SSLRequest, and an answer of one byte. */
export const postgresPreface: Preface = {
  async relay(client, server) {
    server.write(await take(client, 8));
    client.write(await take(server, 1));
  },
  async refuse(client) {
    await take(client, 8);
    client.write('N');
  },
};

const CLIENT_SSL = 0x0800;

/** The greeting of the server, and SSLRequest, which is not answered. */
export const mysqlPreface: Preface = {
  async relay(client, server) {
    client.write(await mysqlPacket(server));
    server.write(await mysqlPacket(client));
  },
  async refuse(client, server) {
    const greeting = await mysqlPacket(server);
    const at = greeting.indexOf(0, 5) + 1 + 4 + 8 + 1;
    greeting.writeUInt16LE(greeting.readUInt16LE(at) & ~CLIENT_SSL, at);
    client.write(greeting);
  },
};

/** One line INFO of the server. */
export const natsPreface: Preface = {
  async relay(client, server) {
    client.write(await line(server));
  },
  async refuse(client, server) {
    const text = (await line(server)).toString('utf8');
    client.write(
      text.replace('"tls_required":true', '"tls_required":false').replace('"tls_verify":true,', ''),
    );
  },
};

/** Exactly `length` bytes. */
async function take(socket: Socket, length: number): Promise<Buffer> {
  const held: Buffer[] = [];
  for (;;) {
    // All there is: whoever leaves something is told at once that there is something, for ever.
    const bytes: unknown = socket.read();
    if (Buffer.isBuffer(bytes)) held.push(bytes);
    const all = Buffer.concat(held);
    if (all.length >= length) {
      if (all.length > length) socket.unshift(all.subarray(length));
      return all.subarray(0, length);
    }
    if (Buffer.isBuffer(bytes)) continue;
    if (socket.destroyed || socket.readableEnded) throw new Error('the connection ended before TLS');
    await change(socket);
  }
}

/** Resolves when there is more to read, or nothing any more. */
function change(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('readable', done).off('close', done);
      resolve();
    };
    socket.on('readable', done).on('close', done);
  });
}

async function mysqlPacket(socket: Socket): Promise<Buffer> {
  const header = await take(socket, 4);
  return Buffer.concat([header, await take(socket, header.readUIntLE(0, 3))]);
}

async function line(socket: Socket): Promise<Buffer> {
  const bytes: Buffer[] = [];
  for (;;) {
    const byte = await take(socket, 1);
    bytes.push(byte);
    if (byte[0] === 0x0a) return Buffer.concat(bytes);
  }
}
