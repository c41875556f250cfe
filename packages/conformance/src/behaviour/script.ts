import { type World } from './world.ts';

/** What is played in a case, step by step. Gives the name of the branch that was taken where a case leaves some open. */
export type Script = (world: World) => Promise<string | undefined | void>;
