import { status as Status } from '@grpc/grpc-js';
import { SpiffeError } from '@svidkit/core';

import { type CallStatus, type Endpoint, type Meaning } from './endpoint.ts';
import { plainText } from './plain-text.ts';
import { probeAddress, type ProbeResult } from './probe-address.ts';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: {
    code: 'ERR_WORKLOAD_API_NOT_FOUND',
    got: 'nothing at that path',
    hint: 'Check that the agent runs on this machine, and that the directory of its socket is mounted into this container.',
  },
  ENOTDIR: {
    code: 'ERR_WORKLOAD_API_NOT_FOUND',
    got: 'a path through something that is no directory',
    hint: 'Check the configured path.',
  },
  EACCES: {
    code: 'ERR_WORKLOAD_API_PERMISSIONS',
    got: 'permission denied',
    hint: 'Let the user or group of this process reach the socket: the modes of the socket and of every directory above it, and the security policy of the machine.',
  },
  EPERM: {
    code: 'ERR_WORKLOAD_API_PERMISSIONS',
    got: 'operation not permitted',
    hint: 'Check the security policy of the machine.',
  },
  'not-a-socket': {
    code: 'ERR_WORKLOAD_API_NOT_A_SOCKET',
    got: 'something that is no socket',
    hint: 'Check the configured path. Docker makes a directory of a path that did not exist when the container started: mount the directory of the socket, not the socket.',
  },
  ECONNREFUSED: {
    code: 'ERR_WORKLOAD_API_UNREACHABLE',
    got: 'nobody who listens there',
    hint: 'The agent is not running, or it has made a new socket that is not mounted here: mount the directory of the socket, not the socket.',
  },
};

const OTHER_STATUS: Meaning = {
  code: 'ERR_WORKLOAD_API_UNAVAILABLE',
  got: 'which answers with an error',
  hint: 'Look at the log of the agent.',
};

const STATUSES: ReadonlyMap<Status, Meaning> = new Map<Status, Meaning>([
  [
    Status.PERMISSION_DENIED,
    {
      code: 'ERR_WORKLOAD_API_DENIED',
      got: 'which is running, but no identity is registered for this process',
      hint: 'Register this workload with selectors that fit this process, or wait until the registration has reached the agent.',
    },
  ],
  [
    Status.INVALID_ARGUMENT,
    {
      code: 'ERR_WORKLOAD_API_REFUSED',
      got: 'got a refusal of the request itself',
      hint: 'It is not repeated, because the same request is refused again.',
    },
  ],
  [
    Status.UNIMPLEMENTED,
    {
      code: 'ERR_WORKLOAD_API_UNIMPLEMENTED',
      got: 'which does not offer that',
      hint: 'Ask whoever runs it to enable this profile, or check that a Workload API listens there.',
    },
  ],
  [
    Status.RESOURCE_EXHAUSTED,
    {
      ...OTHER_STATUS,
      hint: 'When its messages are too large for this client, raise option maxMessageBytes.',
    },
  ],
]);

/**
 * The status that a call ended with, as a {@link SpiffeError}. Without a connection, finds out why.
 *
 * @param what - what was asked for, such as `the X.509-SVIDs of this process`.
 * @param secrets - what must not be in the message, whoever repeats it.
 */
export async function statusError(
  status: CallStatus,
  endpoint: Endpoint,
  what: string,
  secrets: readonly string[] = [],
): Promise<SpiffeError> {
  const { code, details } = status;
  const { address } = endpoint;
  const said = details === '' ? '' : `: ${plainText(details, secrets)}`;
  const wanted = `want ${what} from ${endpoint.name} at ${address.text}`;
  const meaning = endpoint.meaningOf(status);
  if (meaning === undefined && code === Status.UNAVAILABLE)
    return unavailable(await probeAddress(address), wanted, said);
  const name = Status[code] ?? `status ${code}`;
  const { code: errorCode, got, hint } = meaning ?? STATUSES.get(code) ?? OTHER_STATUS;
  return new SpiffeError(errorCode, `${wanted}, ${got} (${name}${said})`, { hint });
}

function unavailable(found: ProbeResult, wanted: string, said: string): SpiffeError {
  if (found === 'listening') {
    return new SpiffeError(
      'ERR_WORKLOAD_API_UNAVAILABLE',
      `${wanted}, which takes connections, but answers nothing (UNAVAILABLE${said})`,
      {
        hint: 'The agent is starting, stopping or overloaded, or something else listens there. Look at its log.',
      },
    );
  }
  const { code, got, hint } = MEANINGS[found] ?? {
    code: 'ERR_WORKLOAD_API_UNREACHABLE',
    got: 'no connection',
    hint: 'Check the address, and that the agent runs.',
  };
  return new SpiffeError(code, `${wanted}, got ${got} (${found})`, { hint });
}

/** Whatever is no {@link SpiffeError} is a defect of this package; it is told, and the last good state goes on. */
export function asSpiffeError(error: unknown): SpiffeError {
  if (error instanceof SpiffeError) return error;
  return new SpiffeError(
    'ERR_WORKLOAD_API_UNAVAILABLE',
    `following the Workload API failed unexpectedly: ${String(error)}`,
    { hint: 'This is a defect of the source. Please report it with the cause of this error.', cause: error },
  );
}
