import { Client, Metadata } from '@grpc/grpc-js';
import { authorizeId, type X509Source } from '@svidkit/core';
import { createChannelCredentials } from '@svidkit/grpc';

import { HOST, IDS } from '../topology.ts';
import { TIMEOUT_MS } from './http.ts';
import { type Quote, QUOTES } from './quotes-protocol.ts';

/** A client of the quotes, as a generator would write it. grpc-js begins a call anew only where none had begun. */
export class QuotesClient extends Client {
  constructor(source: X509Source, port: number) {
    const credentials = createChannelCredentials(source, { authorize: authorizeId(IDS.quotes) });
    super(`${HOST}:${port}`, credentials);
  }

  get(): Promise<Quote> {
    const { path, requestSerialize, responseDeserialize } = QUOTES.Get;
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        {},
        new Metadata(),
        { deadline: Date.now() + TIMEOUT_MS },
        (error, quote) => (quote === undefined ? reject(error ?? new Error('no quote')) : resolve(quote)),
      );
    });
  }

  /** All quotes of one stream. */
  async watch(count: number): Promise<readonly Quote[]> {
    const { path, requestSerialize, responseDeserialize } = QUOTES.Watch;
    const options = { deadline: Date.now() + TIMEOUT_MS };
    const call = this.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { count },
      options,
    );
    const quotes: Quote[] = [];
    for await (const quote of call) quotes.push(quote as Quote);
    return quotes;
  }
}
