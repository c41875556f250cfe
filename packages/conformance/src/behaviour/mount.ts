import { join } from 'node:path';

import {
  directorySwapWriter,
  inPlaceWriter,
  type InPlaceWriterOptions,
  kubeletWriter,
  type KubeletWriterOptions,
  mountFiles,
  type MountFiles,
  type MountWriter,
  renameWriter,
  type Rotation,
} from '@svidkit/testkit';

import { type KeyMaterial, pemKeys } from '../protocol/key-material.ts';
import { type Identity } from './identity.ts';

/** The ways in which agents write. */
export type WriterName = 'kubelet' | 'rename' | 'in-place' | 'directory-swap';

/** The ways in which files are named. */
type LayoutName = 'split' | 'spiffe-helper' | 'credential-bundle' | 'spiffe-filesystem' | 'custom';

/** What kind of mount to make. Default: a Secret volume of Kubernetes. */
export interface MountKind {
  readonly writer?: WriterName;
  readonly layout?: LayoutName;
  readonly inPlace?: InPlaceWriterOptions;
  readonly kubelet?: KubeletWriterOptions;
  /** Whether files that are renamed over others take their times. */
  readonly keepTimes?: boolean;
}

/** A directory that the kit writes as an agent does. */
export interface Mount {
  /** What the adapter reads. */
  readonly directory: string;
  readonly layout: LayoutName;
  /** The names of chain, key and bundle. */
  readonly names: { readonly cert: string; readonly key: string; readonly ca: string };
  files(identity: Identity): Record<string, string>;
  begin(files: MountFiles): Rotation;
  write(files: MountFiles): Promise<void>;
}

/** Nothing to warn of: an error that is told is then about what the case is about. */
const FILE_MODE = 0o600;

const FILES = {
  split: mountFiles.secret,
  'spiffe-helper': mountFiles.spiffeHelper,
  'credential-bundle': mountFiles.credentialBundle,
  'spiffe-filesystem': mountFiles.filesystemDraft,
  custom: mountFiles.secret,
} as const;

const NAMES: Readonly<Record<LayoutName, Mount['names']>> = {
  split: { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' },
  'spiffe-helper': { cert: 'svid.pem', key: 'svid_key.pem', ca: 'svid_bundle.pem' },
  'credential-bundle': { cert: 'credential-bundle.pem', key: 'credential-bundle.pem', ca: 'ca.crt' },
  'spiffe-filesystem': {
    cert: 'credential-bundle.private-key.pem',
    key: 'credential-bundle.private-key.pem',
    ca: 'a.test.spiffe-trust-bundle.pem',
  },
  custom: { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' },
};

/** Who is told what is written. */
interface MountKeeper {
  readonly note: (text: string) => void;
  readonly guard: (material: readonly KeyMaterial[]) => void;
}

/** Makes a mount in a directory. */
export function mountOf(
  { writer = 'kubelet', layout = 'split', inPlace, kubelet, keepTimes = false }: MountKind,
  directory: string,
  { note, guard }: MountKeeper,
): Mount {
  // A directory that is swapped is a link beside the directories that it leads to.
  const path = writer === 'directory-swap' ? join(directory, 'svid') : directory;
  const files = writerOf(writer, path, { inPlace, kubelet, keepTimes });
  return {
    directory: path,
    layout,
    names: NAMES[layout],
    files: ({ svid, bundles }) => FILES[layout](svid, bundles),
    begin(content) {
      guard(keysIn(content));
      return files.begin(content);
    },
    async write(content) {
      guard(keysIn(content));
      await files.write(content);
      note(`wrote ${Object.keys(content).join(', ')} into ${path}`);
    },
  };
}

function keysIn(content: MountFiles): readonly KeyMaterial[] {
  return Object.values(content).flatMap((file) => (typeof file === 'string' ? pemKeys(file) : []));
}

function writerOf(
  name: WriterName,
  path: string,
  {
    inPlace,
    kubelet,
    keepTimes,
  }: {
    readonly inPlace: InPlaceWriterOptions | undefined;
    readonly kubelet: KubeletWriterOptions | undefined;
    readonly keepTimes: boolean;
  },
): MountWriter {
  const writers: Readonly<Record<WriterName, () => MountWriter>> = {
    kubelet: () => kubeletWriter(path, { fileMode: FILE_MODE, ...kubelet }),
    rename: () => renameWriter(path, { keepTimes, fileMode: FILE_MODE }),
    'in-place': () => inPlaceWriter(path, { fileMode: FILE_MODE, ...inPlace }),
    'directory-swap': () => directorySwapWriter(path, { fileMode: FILE_MODE }),
  };
  return writers[name]();
}
