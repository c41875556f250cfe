import { systemPorts } from './mount-ports.ts';
import { jwtFileSettings, type MountedJwtOptions } from './mounted-jwt-options.ts';
import { MountedJwtFiles, type MountedJwtSource } from './mounted-jwt-source.ts';

/**
 * Opens a source over mounted files with JWT-SVIDs and JWT bundles, as spiffe-helper writes them, and follows them: a
 * change counts within a second, also without events of the file system. What cannot be used (not there, half written, an
 * expired token, a file that anybody may write) never replaces what is in use; `health()` and the channel
 * `svidkit:source.error` tell about it, and `svidkit:jwt.update` of each new token. An expired token is never given out.
 *
 * It gives the tokens that are in the files, and cannot fetch others: see which audiences its writer is told to fetch.
 * While opening it keeps the process alive, afterwards it does not.
 *
 * @throws {@link SpiffeError} when a file cannot be used for as long as `wait`: `ERR_JWT_*`, `ERR_BUNDLE_INVALID`,
 * `ERR_ID_INVALID`, `ERR_MOUNT_NOT_FOUND`, `ERR_MOUNT_UNREADABLE`, `ERR_MOUNT_PERMISSIONS`, `ERR_MOUNT_FILE_TYPE`,
 * `ERR_MOUNT_TOO_LARGE`, `ERR_MOUNT_TORN`, `ERR_MOUNT_STALE`. `ERR_CONFIG_OPTION` for options that cannot work. The
 * reason of `signal`, when it aborts.
 */
export async function openMountedJwtSource(options: MountedJwtOptions): Promise<MountedJwtSource> {
  const source = new MountedJwtFiles(jwtFileSettings(options), systemPorts());
  await source.open();
  return source;
}
