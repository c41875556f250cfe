import { type LayoutName, type WriterKind } from '@svidkit/mount';

const WRITERS: Readonly<Record<LayoutName, string>> = {
  'spiffe-filesystem': 'a writer of the SPIFFE filesystem draft',
  'csi-driver-spiffe': 'cert-manager csi-driver-spiffe',
  'kubernetes-secret': 'kubelet (a Secret or projected volume) or cert-manager csi-driver',
  'spiffe-helper': 'spiffe-helper',
  istio: 'an Istio agent (OUTPUT_CERTS)',
  gce: 'the guest agent of Google Compute Engine',
  'pod-certificate': 'kubelet (a podCertificate volume)',
  explicit: 'unknown',
};

const SWAPPING: ReadonlySet<LayoutName> = new Set([
  'csi-driver-spiffe',
  'kubernetes-secret',
  'pod-certificate',
]);

/** Who probably writes a mount of this layout whose files get their content this way. */
export function likelyWriter(layout: LayoutName, updates: WriterKind): string {
  const writer = WRITERS[layout];
  // These never write a file that others can see half of.
  return SWAPPING.has(layout) && updates === 'direct'
    ? `another program, under the names of ${writer}`
    : writer;
}

const UPDATES: Readonly<Record<WriterKind, string>> = {
  'atomic-swap': 'whole generations at once, by the link ..data',
  link: 'by links that are replaced',
  'file-mount': 'never: a file that is mounted by itself does not see its replacement',
  direct: 'file by file; a key is used only with the certificate it belongs to',
};

/** How changes of a mount arrive, for people. */
export function describeUpdates(updates: WriterKind): string {
  return UPDATES[updates];
}
