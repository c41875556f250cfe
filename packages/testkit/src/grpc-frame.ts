/** A message as gRPC puts it on an HTTP/2 stream: not compressed, its length, its bytes. */
export function grpcFrame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** The first message of a request body; empty when there is none. */
export function firstMessage(body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body);
  return bytes.length < 5 ? new Uint8Array() : bytes.subarray(5, 5 + bytes.readUInt32BE(1));
}
