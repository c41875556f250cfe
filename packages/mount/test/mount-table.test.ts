import { expect, test } from 'vitest';

import { mountOf, parseMountTable } from '../src/mount-table.ts';

// proc(5), with what else can stand in a line.
const TABLE = parseMountTable(`22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 /pods/1/volume /var/run/secrets/spiffe.io ro,relatime master:2 - tmpfs tmpfs rw
31 22 0:26 /old//deleted /var/run/gone ro - tmpfs tmpfs rw
32 22 254:0 /etc/host\\040name /data/with\\040space rw - ext4 /dev/vda rw
33 30 0:27 / /var/run/secrets/spiffe.io ro - tmpfs tmpfs rw
a line that is none
`);

test('reads roots, mount points and types, with their escapes', () => {
  expect(TABLE).toContainEqual({ root: '/etc/host name', mountPoint: '/data/with space', type: 'ext4' });
  expect(TABLE).toHaveLength(6);
});

test('finds the mount of a path: the longest mount point, and of several there the last', () => {
  expect(mountOf('/var/run/secrets/spiffe.io/tls.crt', TABLE)).toMatchObject({ root: '/', type: 'tmpfs' });
  expect(mountOf('/var/run/secrets/spiffe.io-other', TABLE)).toMatchObject({ mountPoint: '/' });
  expect(mountOf('/var/run/gone', TABLE)?.root).toBe('/old//deleted');
  expect(mountOf('/data/with space', TABLE)?.mountPoint).toBe('/data/with space');
  expect(mountOf('/x', [])).toBeUndefined();
});
