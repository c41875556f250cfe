import { type Peer } from '@svidkit/tls';

import { type Answer } from './transport.ts';

/** What a handler answers. */
export function describe({ id, certificate }: Peer): string {
  return `peer=${id.toString()} serial=${certificate.serialNumber}\n`;
}

/**
 * Reads an answer.
 *
 * @param server - serial number of the SVID that the server showed.
 */
export function parseAnswer(text: string, server: string): Answer {
  const [, peer, client] = /peer=(\S+) serial=(\w+)\n/.exec(text) ?? [];
  if (peer === undefined || client === undefined) throw new TypeError(`no answer: ${JSON.stringify(text)}`);
  return { peer, client, server };
}
