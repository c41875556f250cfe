// The quotes: speaks gRPC, one at a time and as a stream.
import { type handleServerStreamingCall, type handleUnaryCall, Server } from '@grpc/grpc-js';
import { authorizeId } from '@svidkit/core';
import { authorizeCalls, createServerCredentials, peerOf, shutdownServer } from '@svidkit/grpc';

import { HOST, IDS } from '../topology.ts';
import { type Host, hostService } from './host.ts';
import { type Quote, type QuoteRequest, QUOTES } from './quotes-protocol.ts';

const EVERY_MS = 100;
let close = async (): Promise<unknown> => undefined;

await hostService({
  async listen(host) {
    const fromApi = authorizeId(IDS.api);
    const server = new Server({
      interceptors: [authorizeCalls({ [QUOTES.Get.path]: fromApi, [QUOTES.Watch.path]: fromApi })],
    });
    server.addService(QUOTES, { Get: get(host), Watch: watch(host) });
    close = () => shutdownServer(server);
    const credentials = createServerCredentials(host.source, { authorize: fromApi, deny: host.deny });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${HOST}:0`, credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return { quotes: port };
  },

  close: () => close(),
});

function get(host: Host): handleUnaryCall<QuoteRequest, Quote> {
  return (call, callback) => {
    host.serve(call.metadata.get('x-mark')[0]);
    callback(null, { service: 'quotes', you: peerOf(call).id.toString() });
  };
}

function watch(host: Host): handleServerStreamingCall<QuoteRequest, Quote> {
  return (call) => {
    host.serve(call.metadata.get('x-mark')[0]);
    let left = call.request.count ?? 1;
    const timer = setInterval(() => {
      left -= 1;
      call.write({ service: 'quotes', you: peerOf(call).id.toString() });
      if (left === 0) call.end();
    }, EVERY_MS);
    call.once('close', () => clearInterval(timer));
    call.once('finish', () => clearInterval(timer));
  };
}
