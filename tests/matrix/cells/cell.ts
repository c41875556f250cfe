import { type Transport } from '../transport.ts';
import { Witness, type Proof } from '../witness.ts';

/** One column of the matrix. */
export interface Cell {
  /** Whose bad peer it is about: then the transport's own end must be the other one. */
  readonly bad?: 'client' | 'server';
  /** How often each end is renewed in it. @default 0 */
  readonly rotations?: number;
  readonly run: (transport: Transport) => Promise<void>;
}

/** Runs a cell under the eyes of a witness. */
export async function expectCell({ run, rotations = 0 }: Cell, transport: Transport): Promise<void> {
  const witness = new Witness();
  const proof: Proof = { rotations };
  await run(witness.watch(transport));
  witness.check(proof);
}
