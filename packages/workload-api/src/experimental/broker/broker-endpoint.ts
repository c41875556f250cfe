import { status as Status } from '@grpc/grpc-js';
import {
  authorizeId,
  type Clock,
  ERROR_CODES,
  type SpiffeErrorCode,
  type SpiffeId,
  type X509Context,
  type X509Source,
} from '@svidkit/core';
import { createChannelCredentials } from '@svidkit/grpc';

import { type EndpointAddress } from '../../address.ts';
import { type CallStatus, type Endpoint, type Meaning } from '../../endpoint.ts';
import { plainText } from '../../plain-text.ts';
import { BROKER_SECURITY_HEADER } from '../../protocol/methods.ts';
import { errorReason } from './error-reason.ts';

/** With its code, as the channel credentials name it when there was no connection to make a call on. */
const NOT_CONNECTED = /^No connection established\. Last error: (?:[A-Z]\w*: )*(ERR_[A-Z_]+)/u;

const FINAL: ReadonlySet<SpiffeErrorCode> = new Set([
  'ERR_WORKLOAD_API_REFUSED',
  'ERR_WORKLOAD_API_UNIMPLEMENTED',
  'ERR_BROKER_DENIED',
  // The ID of a process can be another one's by then, and what a name stands for too: whoever asked has to look again.
  'ERR_BROKER_WORKLOAD_NOT_FOUND',
  'ERR_SOURCE_CLOSED',
]);

/** The broker endpoint at an address. SPIFFE Broker Endpoint 3.1, 5: mutual TLS, and one server alone. */
export function brokerAt(
  address: EndpointAddress,
  source: X509Source,
  serverId: SpiffeId,
  clock: Clock | undefined,
): Endpoint {
  return Object.freeze<Endpoint>({
    name: 'the broker endpoint',
    address,
    securityHeader: BROKER_SECURITY_HEADER,
    credentials: createChannelCredentials(source, {
      authorize: authorizeId(serverId),
      ...(clock === undefined ? {} : { clock }),
    }),
    meaningOf: (status) => meaningOf(status, serverId),
    isFinal: ({ code }) => FINAL.has(code),
    beginCall() {
      const used = latestOf(source);
      return async ({ code }, signal) => {
        if (code === 'ERR_BROKER_UNAUTHENTICATED') await renewed(source, used, signal);
      };
    },
  });
}

/** SPIFFE Broker Endpoint 6, and Broker API 4.8. */
const MEANINGS: ReadonlyMap<Status, Meaning> = new Map<Status, Meaning>([
  [
    Status.UNAUTHENTICATED,
    {
      code: 'ERR_BROKER_UNAUTHENTICATED',
      got: 'which does not accept our certificate',
      hint: 'A watch tries again with the next certificate. Check that its server trusts our trust domain, and the clocks; some servers also answer so when they cannot attest the workload.',
    },
  ],
  [
    Status.NOT_FOUND,
    {
      code: 'ERR_BROKER_WORKLOAD_NOT_FOUND',
      got: 'which knows no such workload',
      hint: 'It has ended, or never was. Drop what you hold for it.',
    },
  ],
  [
    Status.PERMISSION_DENIED,
    {
      code: 'ERR_BROKER_DENIED',
      got: 'which does not let us have that',
      hint: 'Let our SPIFFE ID broker there, for workloads of this kind, and check the registration of the workload.',
    },
  ],
]);
const NOT_ENTITLED: Meaning = {
  code: 'ERR_WORKLOAD_API_DENIED',
  got: 'which has no identity for this workload',
  hint: 'Register the workload, or wait until the registration has reached the agent.',
};

function meaningOf(status: CallStatus, serverId: SpiffeId): Meaning | undefined {
  const { code, metadata } = status;
  if (code === Status.UNAVAILABLE) return unconnected(status, serverId);
  // Without this reason it can be that we may not broker at all, and the table of the standard has no further try.
  if (code === Status.PERMISSION_DENIED && errorReason(metadata) === 'WORKLOAD_NOT_ENTITLED')
    return NOT_ENTITLED;
  return MEANINGS.get(code);
}

/** Why there is no connection, where the handshake said so: a server that is another one, or an identity that is gone. */
function unconnected({ details }: CallStatus, serverId: SpiffeId): Meaning | undefined {
  const named = NOT_CONNECTED.exec(details)?.[1];
  if (named === undefined || !isCode(named)) return undefined;
  return {
    code: named,
    got: `got no connection to ${plainText(serverId.toString())}`,
    hint: 'Check option serverId, who listens at this address, and our own identity.',
  };
}

function isCode(text: string): text is SpiffeErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

function latestOf(source: X509Source): X509Context | undefined {
  try {
    return source.current;
  } catch {
    return undefined;
  }
}

/** SPIFFE Broker Endpoint 6: nobody tries again with the certificate that was refused. */
async function renewed(
  source: X509Source,
  used: X509Context | undefined,
  signal: AbortSignal,
): Promise<void> {
  const isOther = (context: X509Context | undefined): boolean =>
    context !== undefined && context.svid !== used?.svid;
  if (signal.aborted || source.closed.aborted || isOther(latestOf(source))) return;
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  const subscription = source.onUpdate((context) => {
    if (isOther(context)) end();
  });
  signal.addEventListener('abort', end, { once: true });
  source.closed.addEventListener('abort', end, { once: true });
  try {
    await over.promise;
  } finally {
    subscription[Symbol.dispose]();
    signal.removeEventListener('abort', end);
    source.closed.removeEventListener('abort', end);
  }
}
