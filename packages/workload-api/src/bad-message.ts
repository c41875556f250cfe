import { type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { isSpiffeError, SpiffeError, type SpiffeErrorCode } from '@svidkit/core';

import { decodeMessage } from './protocol/message-bytes.ts';

const HINT =
  'The message is discarded as a whole and what came before stays in use. This is a defect of the agent, or of a plugin of its server.';

/** That a message of an agent, through its Workload API or as a broker, is not what the standard wants. */
export function badMessage(
  problem: string,
  code: SpiffeErrorCode = 'ERR_WORKLOAD_API_RESPONSE',
): SpiffeError {
  return new SpiffeError(code, `bad message from the agent: ${problem}`, {
    blame: 'environment',
    hint: HINT,
  });
}

/** The same with the code of what is wrong inside. */
export function badPart(part: string, cause: unknown): SpiffeError {
  if (!isSpiffeError(cause)) return badMessage(`${part} cannot be read`);
  return new SpiffeError(cause.code, `bad message from the agent: ${part}: ${cause.message}`, {
    blame: 'environment',
    hint: HINT,
    cause,
  });
}

/** @throws {@link SpiffeError} `ERR_WORKLOAD_API_RESPONSE`. */
export function readMessage<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return decodeMessage(schema, bytes);
  } catch {
    // Without the cause: what a decoder says can show what is in a message.
    throw badMessage(`${bytes.length} bytes that are no ${schema.name}`);
  }
}
