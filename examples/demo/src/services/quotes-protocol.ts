import { type ServiceDefinition } from '@grpc/grpc-js';

/** Who speaks, and whom it sees. */
export interface Quote {
  readonly service: string;
  readonly you: string;
}

/** Gives one quote, and a stream of so many. */
export interface QuoteRequest {
  readonly count?: number;
}

const write = (message: object): Buffer => Buffer.from(JSON.stringify(message));
const read = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

function method(name: string, responseStream: boolean) {
  return {
    path: `/demo.Quotes/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: write,
    requestDeserialize: (bytes: Buffer): QuoteRequest => read(bytes) as QuoteRequest,
    responseSerialize: write,
    responseDeserialize: (bytes: Buffer): Quote => read(bytes) as Quote,
  };
}

/** The service, as a generator would write it. JSON stands for protobuf. */
export const QUOTES = {
  Get: method('Get', false),
  Watch: method('Watch', true),
} satisfies ServiceDefinition;
