// Starts the till and its callers, each a process with a mounted identity of its own, and renews identities in between.
import { playTill } from '../till.mjs';

await playTill(import.meta.dirname);
