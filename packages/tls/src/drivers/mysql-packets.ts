/** Header (3 bytes of length, little endian, 1 of sequence) and payload of whole packets of the MySQL protocol. */
export class MysqlPackets {
  #rest: Buffer = Buffer.alloc(0);

  /** The packets that are whole after `chunk`. They may be changed in place. */
  *take(chunk: Buffer): Generator<Buffer> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readUIntLE(0, 3);
      if (this.#rest.length < end) return;
      const packet = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield packet;
    }
  }

  /** What is left of packets that are not whole; it is taken out. */
  drain(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}

/** Adds to the sequence number of a packet, in place. */
export function shiftSequence(packet: Buffer, by: number): Buffer {
  packet[3] = ((packet[3] ?? 0) + by) & 0xff;
  return packet;
}
