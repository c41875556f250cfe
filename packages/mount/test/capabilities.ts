import { spawnSync } from 'node:child_process';
import { platform } from 'node:os';

/** What some scenarios need and not every machine gives. */
export type Capability = 'mount' | 'chown' | 'user-namespace' | 'inotify';

const probes: Readonly<Record<Capability, () => string | undefined>> = {
  inotify: () => (platform() === 'linux' ? undefined : 'there is no inotify here'),
  mount: () =>
    runs(unshareMounts()) ? undefined : 'this user may not make mounts, nor a user namespace for them',
  chown: () => (process.geteuid?.() === 0 ? undefined : 'only root may give files away'),
  'user-namespace': () =>
    runs(['unshare', '--user', '--map-root-user']) ? undefined : 'this user may not make a user namespace',
};
const known = new Map<Capability, string | undefined>();

/** Why `capability` is not there; undefined when it is. */
export function missing(capability: Capability): string | undefined {
  if (!known.has(capability)) known.set(capability, probes[capability]());
  return known.get(capability);
}

/** The command that runs another one where its mounts are its own. */
export function unshareMounts(): readonly string[] {
  const unshare = ['unshare', '--mount', '--propagation', 'private'];
  return process.geteuid?.() === 0 ? unshare : [...unshare, '--user', '--map-root-user'];
}

function runs([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, [...args, 'sh', '-c', 'mount --version'], { stdio: 'ignore' }).status === 0;
}
