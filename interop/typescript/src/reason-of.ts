import { type SpiffeError } from '@svidkit/core';

/** What an error of svidkit is called in the kit: the code, what the message says where the code is wider, the reason. */
const REASONS: readonly (readonly [code: string, message: RegExp, reason: string])[] = [
  ['ERR_ID_TOO_LONG', /trust domain/, 'id.td.length'],
  ['ERR_ID_TOO_LONG', /./, 'id.length'],
  ['ERR_ID_INVALID', /path segment, got "": it is empty/, 'id.path.empty-segment'],
  ['ERR_ID_INVALID', /: it is empty/, 'id.empty'],
  ['ERR_ID_INVALID', /: its trust domain is empty/, 'id.td.empty'],
  ['ERR_ID_INVALID', /: it does not start with "spiffe|: its scheme/, 'id.scheme'],
  ['ERR_ID_INVALID', /: its trust domain is not in lower case/, 'id.td.case'],
  ['ERR_ID_INVALID', /: it has user information/, 'id.userinfo'],
  ['ERR_ID_INVALID', /: it has a port/, 'id.port'],
  ['ERR_ID_INVALID', /: it has a query/, 'id.query'],
  ['ERR_ID_INVALID', /: it has a fragment/, 'id.fragment'],
  ['ERR_ID_INVALID', /: it is percent-encoded/, 'id.percent'],
  ['ERR_ID_INVALID', /: it has an IPv6 address|: its trust domain has the illegal/, 'id.td.char'],
  ['ERR_ID_INVALID', /: its path has the illegal/, 'id.path.char'],
  ['ERR_ID_INVALID', /: its path has an empty segment/, 'id.path.empty-segment'],
  ['ERR_ID_INVALID', /: its path has a "\." or/, 'id.path.dot'],
  ['ERR_ID_INVALID', /: it ends with "\/"/, 'id.path.trailing-slash'],
  ['ERR_ID_INVALID', /: it does not start with "\/"/, 'id.path.no-slash'],
  ['ERR_CONFIG_AUTHORIZER', /./, 'authz.rule'],
  ['ERR_PEER_UNAUTHORIZED', /./, 'authz.denied'],
  ['ERR_BUNDLE_UNKNOWN', /./, 'x509.no-bundle'],
  ['ERR_BUNDLE_EMPTY', /./, 'bundle.empty'],
  ['ERR_BUNDLE_INVALID', /./, 'bundle.malformed'],
  ['ERR_PEM_INVALID', /./, 'pem.malformed'],
  ['ERR_SVID_CERTIFICATE_INVALID', /got no certificate|want a leaf/, 'x509.empty'],
  ['ERR_SVID_CERTIFICATE_INVALID', /want CERTIFICATE blocks/, 'pem.block'],
  ['ERR_SVID_CERTIFICATE_INVALID', /not a CA/, 'x509.ca.flag'],
  ['ERR_SVID_CERTIFICATE_INVALID', /lacks keyCertSign/, 'x509.ca.key-usage'],
  ['ERR_SVID_CERTIFICATE_INVALID', /does not parse/, 'der.malformed'],
  ['ERR_SVID_CERTIFICATE_INVALID', /want at most/, 'x509.chain-length'],
  ['ERR_CERTIFICATE_INVALID', /./, 'der.malformed'],
  ['ERR_CHAIN_MALFORMED', /got none$/, 'x509.empty'],
  ['ERR_CHAIN_MALFORMED', /./, 'der.malformed'],
  ['ERR_CHAIN_TOO_LONG', /./, 'x509.chain-length'],
  ['ERR_CHAIN_BUDGET', /./, 'x509.budget'],
  ['ERR_CHAIN_EXPIRED', /./, 'x509.expired'],
  ['ERR_CHAIN_NOT_YET_VALID', /./, 'x509.not-yet-valid'],
  ['ERR_CHAIN_UNTRUSTED', /not a CA/, 'x509.ca.flag'],
  ['ERR_CHAIN_UNTRUSTED', /lacks keyCertSign/, 'x509.ca.key-usage'],
  ['ERR_CHAIN_UNTRUSTED', /issuers below it/, 'x509.path-len'],
  ['ERR_CHAIN_UNTRUSTED', /name constraints/, 'x509.name-constraint'],
  ['ERR_CHAIN_UNTRUSTED', /unknown critical extension/, 'x509.critical-extension'],
  ['ERR_CHAIN_UNTRUSTED', /weak or unknown/, 'x509.algorithm'],
  ['ERR_CHAIN_UNTRUSTED', /did not sign it/, 'x509.signature'],
  ['ERR_CHAIN_UNTRUSTED', /./, 'x509.untrusted'],
  ...leafReasons('ERR_CHAIN_ID', 'ERR_CHAIN_LEAF_PROFILE'),
  ...leafReasons('ERR_SVID_URI_SAN', 'ERR_SVID_LEAF_PROFILE'),
  ['ERR_SVID_KEY_MISMATCH', /./, 'key.mismatch'],
  ['ERR_SVID_KEY_ENCRYPTED', /./, 'key.encrypted'],
  ['ERR_SVID_KEY_INVALID', /in PEM, got none/, 'key.missing'],
  ['ERR_SVID_KEY_INVALID', /want one private key in PEM/, 'key.many'],
  ['ERR_SVID_KEY_INVALID', /./, 'key.malformed'],
  ['ERR_SVID_EXPIRED', /./, 'x509.expired'],
  ['ERR_SVID_NOT_YET_VALID', /./, 'x509.not-yet-valid'],
  ['ERR_MOUNT_NOT_FOUND', /./, 'mount.missing'],
  ['ERR_MOUNT_UNREADABLE', /./, 'mount.unreadable'],
  ['ERR_MOUNT_PERMISSIONS', /./, 'mount.permissions'],
  ['ERR_MOUNT_FILE_TYPE', /./, 'mount.file-type'],
  ['ERR_MOUNT_TOO_LARGE', /./, 'mount.too-large'],
  ['ERR_MOUNT_TORN', /./, 'mount.torn'],
  ['ERR_MOUNT_IDENTITY', /./, 'mount.identity'],
  ['ERR_MOUNT_STALE', /./, 'mount.stale'],
  ['ERR_SOURCE_TIMEOUT', /./, 'source.timeout'],
  ['ERR_SOURCE_EXPIRED', /./, 'source.expired'],
  ['ERR_SOURCE_EMPTY', /./, 'source.empty'],
  ['ERR_SOURCE_CLOSED', /./, 'source.closed'],
  ['ERR_PEER_NO_CERTIFICATE', /./, 'peer.no-certificate'],
  ['ERR_PEER_CLOSED_AFTER_HANDSHAKE', /./, 'peer.closed'],
  ['ERR_PEER_HANDSHAKE_TIMEOUT', /./, 'peer.timeout'],
  ['ERR_PEER_', /./, 'peer.handshake'],
];

/** What makes a leaf no X.509-SVID, whether it is a peer's or our own. */
function leafReasons(id: string, profile: string): readonly (readonly [string, RegExp, string])[] {
  return [
    [id, /got none$/, 'x509.uri-san.missing'],
    [id, /got \d+$/, 'x509.uri-san.multiple'],
    [id, /want a SPIFFE ID with a path/, 'x509.leaf.path'],
    [id, /./, 'x509.leaf.id'],
    [profile, /it is a CA/, 'x509.leaf.ca'],
    [profile, /has keyCertSign/, 'x509.leaf.key-cert-sign'],
    [profile, /has cRLSign/, 'x509.leaf.crl-sign'],
    [profile, /lacks digitalSignature/, 'x509.leaf.digital-signature'],
    [profile, /extended key usage/, 'x509.leaf.eku'],
    [profile, /subject is empty/, 'x509.leaf.subject'],
    [profile, /unknown critical extension/, 'x509.critical-extension'],
    [profile, /key is not acceptable/, 'x509.weak-key'],
    [profile, /of version/, 'x509.version'],
  ];
}

/** The reason code of an error; `unknown` when the table has none, which is never an answer to rely on. */
export function reasonOf({ code, message }: SpiffeError): string {
  return REASONS.find((row) => isOf(code, row[0]) && row[1].test(message))?.[2] ?? 'unknown';
}

/** Whether a code is the one of a row, or one of the family that the row ends with `_` for. */
function isOf(code: string, row: string): boolean {
  return row.endsWith('_') ? code.startsWith(row) : code === row;
}
