import { createServer } from 'node:net';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, GrpcMethod, type ClientGrpc, Transport } from '@nestjs/microservices';
import { authorizeId, authorizeMemberOf } from '@svidkit/core';
import { authorizeCalls, createChannelCredentials, createServerCredentials, peerOf } from '@svidkit/grpc';
import { firstValueFrom, type Observable } from 'rxjs';
import { afterEach, expect, test } from 'vitest';

import { closeAll, closing, listen, rotate, sourceOf, world } from '../../tls/test/fixtures.ts';

afterEach(closeAll);

interface Order {
  readonly text: string;
}

interface OrdersClient {
  place(order: Order): Observable<Order>;
  purge(order: Order): Observable<Order>;
}

class Orders {
  place({ text }: Order, _metadata: unknown, call: Parameters<typeof peerOf>[0]): Order {
    return { text: `${text} of ${peerOf(call).id.toString()}` };
  }

  purge(): Order {
    return { text: 'purged' };
  }
}

class App {
  readonly name = 'shop';
}

/** What the decorators of NestJS do; they need a compiler. */
async function decorate(): Promise<void> {
  await import('reflect-metadata');
  for (const [name, method] of Object.entries({ place: 'Place', purge: 'Purge' })) {
    const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, name) ?? {};
    GrpcMethod('Orders', method)(Orders.prototype, name, descriptor);
  }
  Controller()(Orders);
  Module({ controllers: [Orders] })(App);
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('NestJS takes the credentials on both sides, and hands over calls that know their peer', async () => {
  await decorate();
  const { a } = await world();
  const shared = {
    package: 'shop',
    protoPath: join(import.meta.dirname, 'shop.proto'),
    url: `127.0.0.1:${await freePort()}`,
  };
  const service = await NestFactory.createMicroservice(App, {
    logger: false,
    transport: Transport.GRPC,
    options: {
      ...shared,
      credentials: createServerCredentials(await sourceOf(a, { path: '/shop' }), {
        authorize: authorizeMemberOf('a.test'),
      }),
      channelOptions: {
        interceptors: [authorizeCalls({ '/shop.Orders/Place': authorizeId('spiffe://a.test/web') })],
      },
    },
  });
  await service.listen();
  closing(service, () => service.close());
  const source = await sourceOf(a, { path: '/web' });
  const proxy = ClientProxyFactory.create({
    transport: Transport.GRPC,
    options: {
      ...shared,
      credentials: createChannelCredentials(source, { authorize: authorizeId('spiffe://a.test/shop') }),
    },
  }) as unknown as ClientGrpc & { close(): void };
  closing(proxy, () => proxy.close());
  const orders = proxy.getService<OrdersClient>('Orders');

  expect(await firstValueFrom(orders.place({ text: 'one' }))).toEqual({ text: 'one of spiffe://a.test/web' });
  await rotate(source, a, { path: '/web' });
  expect(await firstValueFrom(orders.place({ text: 'two' }))).toEqual({ text: 'two of spiffe://a.test/web' });
  await expect(firstValueFrom(orders.purge({ text: 'all' }))).rejects.toMatchObject({
    code: status.PERMISSION_DENIED,
  });
});
