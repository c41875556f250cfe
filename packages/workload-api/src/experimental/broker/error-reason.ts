import { type Metadata } from '@grpc/grpc-js';

import { ErrorInfoSchema, StatusSchema } from '../../gen/rpc-status_pb.ts';
import { decodeMessage } from '../../protocol/message-bytes.ts';

const TRAILER = 'grpc-status-details-bin';
const TYPE = /\/google\.rpc\.ErrorInfo$/u;

/**
 * The reason that a server gives beside a status: Broker API 4.8. Undefined where it gives none, or one that cannot be
 * read: what the status says counts without it.
 */
export function errorReason(trailers: Metadata): string | undefined {
  for (const value of trailers.get(TRAILER)) {
    if (typeof value === 'string') continue;
    try {
      for (const { typeUrl, value: bytes } of decodeMessage(StatusSchema, value).details) {
        if (!TYPE.test(typeUrl)) continue;
        const { reason, domain } = decodeMessage(ErrorInfoSchema, bytes);
        if (domain === 'spiffe.io') return reason;
      }
    } catch {
      return undefined;
    }
  }
  return undefined;
}
