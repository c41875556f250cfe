import { encodeMessage, ErrorInfoSchema, StatusSchema } from '@svidkit/workload-api/protocol';

import { type FakeStatus } from './fake-method.ts';

/** The trailer `grpc-status-details-bin` with a reason of the SPIFFE Broker API, section 4.8. */
export function errorInfo({ code, details = '' }: FakeStatus, reason: string): string {
  const info = encodeMessage(ErrorInfoSchema, { reason, domain: 'spiffe.io' });
  const status = encodeMessage(StatusSchema, {
    code,
    message: details,
    details: [{ typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: info }],
  });
  return Buffer.from(status).toString('base64');
}
