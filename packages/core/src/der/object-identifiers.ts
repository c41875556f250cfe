/** Object identifiers as the hexadecimal digits of their DER content. */
export const OID = {
  // RFC 5280 4.2.1
  subjectKeyIdentifier: '551d0e',
  keyUsage: '551d0f',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
  nameConstraints: '551d1e',
  authorityKeyIdentifier: '551d23',
  extendedKeyUsage: '551d25',
  // RFC 5280 4.2.1.12
  anyExtendedKeyUsage: '551d2500',
  serverAuth: '2b06010505070301',
  clientAuth: '2b06010505070302',
  // RFC 5280 A.1
  emailAddress: '2a864886f70d010901',
  commonName: '550403',
  // RFC 3279 2.3.1, RFC 5480 2.1.1, RFC 8410 3, RFC 9881 2
  rsaEncryption: '2a864886f70d010101',
  ecPublicKey: '2a8648ce3d0201',
  p256: '2a8648ce3d030107',
  p384: '2b81040022',
  p521: '2b81040023',
  ed25519: '2b6570',
  mlDsa44: '608648016503040311',
  mlDsa65: '608648016503040312',
  mlDsa87: '608648016503040313',
} as const;

/** The dotted form, for messages. */
export function dotted(oid: string): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of Buffer.from(oid, 'hex')) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...others] = arcs;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...others].join('.');
}
