import { type DebianPin } from '../drivers/pins.ts';

/** A command of one of the Go modules beside this file. */
export interface GoCommand {
  /** The name of the program. */
  readonly name: string;
  /** The folder of the module whose go.mod and go.sum pin it. */
  readonly folder: 'go' | 'tools';
  /** The package to build. */
  readonly target: string;
  /** The module whose version a report names; undefined: the program is our own. */
  readonly module?: string;
}

export const SPIRE_SERVER: GoCommand = {
  name: 'spire-server',
  folder: 'tools',
  target: 'github.com/spiffe/spire/cmd/spire-server',
  module: 'github.com/spiffe/spire',
};
export const SPIRE_AGENT: GoCommand = {
  name: 'spire-agent',
  folder: 'tools',
  target: 'github.com/spiffe/spire/cmd/spire-agent',
  module: 'github.com/spiffe/spire',
};
export const SPIFFE_HELPER: GoCommand = {
  name: 'spiffe-helper',
  folder: 'tools',
  target: 'github.com/spiffe/spiffe-helper/cmd/spiffe-helper',
  module: 'github.com/spiffe/spiffe-helper',
};
export const PROVISION_DEVID: GoCommand = {
  name: 'provision-devid',
  folder: 'tools',
  target: './provision-devid',
};
export const PEER: GoCommand = {
  name: 'peer',
  folder: 'go',
  target: './peer',
  module: 'github.com/spiffe/go-spiffe/v2',
};

/** Debian 12 (bookworm), amd64. The first one's version is that of the software TPM. */
export const SWTPM: readonly DebianPin[] = [
  {
    name: 'swtpm',
    version: '0.7.1-1.3',
    sha256: '530bc60a579b6534fa1efb5505ac1e78d94ea04349a15a728a724305a62beb1d',
  },
  {
    name: 'swtpm-libs',
    version: '0.7.1-1.3',
    sha256: 'd639cd1dc0bf7c67d053601ca5427d1f991b5caf16deb598d4bba89698fc3a3c',
  },
  {
    name: 'libtpms0',
    version: '0.9.2-3.1+deb12u1',
    sha256: 'a006f7b88705851a761f22d284807f74e7d99726612e4bd46eaa92d761d7f373',
  },
];
