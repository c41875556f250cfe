/** The oldest Node.js that has everything that is used here, as in package.json. */
const FLOOR = [22, 22] as const;

/** What is wrong with a version of Node.js; undefined for one that will do. Older ones get far, and then end in a type error. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1]);
  return isEnough ? undefined : `this needs Node.js >= ${FLOOR.join('.')}, and runs on ${version}`;
}
