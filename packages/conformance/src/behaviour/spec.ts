import { type SpecReference } from '../vectors/vector.ts';

function cite(doc: string, section: string, quote: string): SpecReference {
  return { doc, section, quote };
}

type Name =
  | 'path'
  | 'leaf'
  | 'oneUri'
  | 'leafId'
  | 'signingNotLeaf'
  | 'otherSans'
  | 'noBundle'
  | 'neverMerge'
  | 'layout'
  | 'waits'
  | 'whole'
  | 'lastKnownGood'
  | 'converges'
  | 'separate'
  | 'expiry'
  | 'decisionFirst'
  | 'authorization'
  | 'presents'
  | 'rotation'
  | 'resumption'
  | 'bounded'
  | 'drain'
  | 'protocol'
  | 'migration';

/** The sentences that played cases rest on. Those of `KIT` are the contract of the reference. */
export const SPEC: Readonly<Record<Name, SpecReference>> = {
  path: cite(
    'X509-SVID',
    '5.1',
    'The validation of trust in a given SVID is based on standard X.509 path validation, and MUST follow [RFC 5280][1] path validation semantics.',
  ),
  leaf: cite(
    'X509-SVID',
    '5.2',
    'the validator MUST ensure that the `cA` field in the basic constraints extension is set to `false`, and that `keyCertSign` and `cRLSign` are not set in the key usage extension.',
  ),
  oneUri: cite(
    'X509-SVID',
    '2',
    'An X.509 SVID MUST contain exactly one URI SAN, and by extension, exactly one SPIFFE ID.',
  ),
  leafId: cite(
    'X509-SVID',
    '5.2',
    'The validator MUST also ensure that the scheme of the SPIFFE ID is set to `spiffe`, and MUST ensure that the SPIFFE ID has a non-root path component.',
  ),
  signingNotLeaf: cite(
    'X509-SVID',
    '3.2',
    'Signing certificates MUST NOT be used for authentication purposes.',
  ),
  otherSans: cite(
    'X509-SVID',
    '2',
    'An X.509 SVID MAY contain any number of other SAN field types, including DNS SANs.',
  ),
  noBundle: cite(
    'WORKLOAD-API',
    '4.6',
    'If no matching bundle is present for the SVID in use, then the peer is untrusted.',
  ),
  neverMerge: cite(
    'FEDERATION',
    '4.2',
    'Bundle contents from different trust domains MUST NOT be merged into a single, larger bundle.',
  ),
  layout: cite('KIT', 'mounts', 'A mount is read as its writer lays it out, whatever the path is called.'),
  waits: cite(
    'KIT',
    'mounts',
    'A source that has no usable identity yet waits for one, says what it lacks, and is ready as soon as that comes.',
  ),
  whole: cite(
    'KIT',
    'mounts',
    'Chain, key and bundle in use always belong together, whatever the writer does meanwhile.',
  ),
  lastKnownGood: cite('KIT', 'mounts', 'What cannot be used never replaces what is in use, and is told.'),
  converges: cite(
    'KIT',
    'mounts',
    'A whole new generation is in use within one second where the file system gives events, and within two poll intervals where it does not.',
  ),
  separate: cite('KIT', 'mounts', 'Sources share nothing, and a closed one leaves nothing behind.'),
  expiry: cite('KIT', 'identity', 'An SVID that has expired is never presented.'),
  decisionFirst: cite(
    'KIT',
    'admission',
    'No byte of the application passes in either direction before the peer is verified and authorised.',
  ),
  authorization: cite(
    'KIT',
    'admission',
    'Who may connect is said explicitly, by SPIFFE ID; server names, addresses and DNS names decide nothing.',
  ),
  presents: cite('KIT', 'identity', 'The leaf is presented first, and every intermediate with it.'),
  rotation: cite(
    'KIT',
    'rotation',
    'New connections use the new generation; connections and requests in flight are not disturbed.',
  ),
  resumption: cite(
    'KIT',
    'admission',
    'A resumed session is judged as a new one is, by the bundle and the rule of now, or is not resumed.',
  ),
  bounded: cite('KIT', 'admission', 'What a stranger can do costs little and ends soon.'),
  drain: cite('KIT', 'rotation', 'A server that stops takes nothing new, and finishes what it has begun.'),
  protocol: cite(
    'KIT',
    'admission',
    'A server and its clients agree on the protocol that the server is for.',
  ),
  migration: cite(
    'KIT',
    'migration',
    'Legacy peers are admitted only where that is said, only by their own authorities and names, and never as SPIFFE peers.',
  ),
};
