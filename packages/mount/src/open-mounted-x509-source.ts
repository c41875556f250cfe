import { type MountOptions, mountSettings } from './mount-options.ts';
import { systemPorts } from './mount-ports.ts';
import { MountedSource } from './mounted-source.ts';
import { type MountedX509Source } from './mounted-x509-source.ts';

/**
 * Opens the X.509-SVID that the platform mounts as files, and follows it while its writer renews it.
 *
 * Only whole generations are used: the key proves that it belongs to the certificate. What cannot be used (missing,
 * torn, mismatched, expired, of another trust domain) never replaces what is in use; `health()` and the channel
 * `svidkit:source.error` tell about it. While opening it keeps the process alive, afterwards it does not.
 *
 * @returns the source, with its first generation.
 * @throws {@link SpiffeError} `ERR_SOURCE_TIMEOUT` when no usable identity came within `wait`, with what was seen
 * at each place and the latest reason as `cause`; `ERR_CONFIG_OPTION`, `ERR_ID_INVALID` for options that cannot
 * work. The reason of `signal`, when it aborts.
 */
export async function openMountedX509Source(options: MountOptions = {}): Promise<MountedX509Source> {
  const source = new MountedSource(mountSettings(options), systemPorts());
  await source.open();
  return source;
}
