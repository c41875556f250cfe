import { connect } from 'node:net';
import { type Readable, type Writable } from 'node:stream';

// oxlint-disable-next-line node/no-process-env -- where the kit wants to be called, when it does not use the standard streams
const path = process.env['SPIFFE_CONFORMANCE_SOCKET'];
const socket = path === undefined ? undefined : connect(path);

/** Where calls come from. */
export const input: Readable = socket ?? process.stdin;
/** Where answers and events go. */
export const output: Writable = socket ?? process.stdout;
