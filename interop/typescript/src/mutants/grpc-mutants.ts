import { authorizeAny } from '@svidkit/core';

import { type grpcEngine as engineOfGrpc } from '../grpc-server.ts';
import { type Mutant } from './mutant.ts';

type Parts = typeof engineOfGrpc;

/** Broken gRPC servers. */
export const GRPC_MUTANTS: readonly Mutant[] = [
  {
    name: 'grpc-knows-one-peer',
    lie: 'takes every call for one of the first peer',
    cases: ['mtls-server/grpc/peer-id'],
    apply: () =>
      change((parts) => {
        const honest = parts.peerOf;
        let first: ReturnType<Parts['peerOf']> | undefined;
        parts.peerOf = (call) => (first ??= honest(call));
      }),
  },
  {
    name: 'grpc-answers-everyone',
    lie: 'lets in everyone whom it can verify',
    cases: ['mtls-server/grpc/rejected*'],
    apply: () =>
      change((parts) => {
        const honest = parts.createServerCredentials;
        parts.createServerCredentials = (input, options) =>
          honest(input, { ...options, authorize: authorizeAny() });
      }),
  },
];

/** The server is loaded when it is needed; whoever waits for it waits for this first. */
function change(parts: (parts: Parts) => void): void {
  void import('../grpc-server.ts').then(({ grpcEngine }) => {
    parts(grpcEngine);
    return undefined;
  });
}
