import {
  type sendUnaryData,
  Server,
  type ServerCredentials,
  type ServerUnaryCall,
  status,
} from '@grpc/grpc-js';
import { createServerCredentials, peerOf, shutdownServer } from '@svidkit/grpc';
import { type IdentityInput, type SecureServerOptions } from '@svidkit/tls';

/** The one method: who calls? */
const METHOD = '/spiffe.conformance.v1.Peer/Get';

/** The parts that a broken server has others of. */
export const grpcEngine: {
  createServerCredentials: (input: IdentityInput, options: SecureServerOptions) => ServerCredentials;
  peerOf: (call: ServerUnaryCall<Buffer, string>) => { readonly id: { toString(): string } };
} = { createServerCredentials, peerOf };

/** A gRPC server that tells each call whom it is taken for. */
export class GrpcServer {
  readonly policy = undefined;
  readonly #server = new Server();

  /** Gives its port. */
  async start(input: IdentityInput, options: SecureServerOptions): Promise<number> {
    this.#server.addService(
      {
        get: {
          path: METHOD,
          requestStream: false,
          responseStream: false,
          requestSerialize: (text: string) => Buffer.from(text),
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: peerMessage,
          responseDeserialize: String,
        },
      },
      { get: tellPeer },
    );
    const credentials = grpcEngine.createServerCredentials(input, options);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      );
    });
  }

  async stop(graceMs: number): Promise<void> {
    await shutdownServer(this.#server, { deadlineMs: graceMs });
  }

  close(): Promise<void> {
    return this.stop(0);
  }
}

function tellPeer(call: ServerUnaryCall<Buffer, string>, answer: sendUnaryData<string>): void {
  try {
    answer(null, grpcEngine.peerOf(call).id.toString());
  } catch (error) {
    answer({ code: status.UNAUTHENTICATED, details: String(error) });
  }
}

/** A message whose field 1 is text of less than 128 bytes. */
function peerMessage(peer: string): Buffer {
  const text = Buffer.from(peer);
  return Buffer.concat([Buffer.from([0x0a, text.length]), text]);
}
