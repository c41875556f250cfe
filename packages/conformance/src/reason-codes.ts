/** Every reason that a rejection can have. `unknown` is for adapters without a better word, and is never wanted. */
export const REASON_CODES: ReadonlySet<string> = new Set([
  'unknown',
  ...words('id', 'empty scheme length userinfo port query fragment percent'),
  ...words('id.td', 'empty char case length'),
  ...words('id.path', 'char empty-segment dot trailing-slash no-slash'),
  ...words('endpoint', 'scheme form'),
  ...words('authz', 'denied rule'),
  ...words('pem', 'none malformed block'),
  ...words('der', 'malformed'),
  ...words('key', 'mismatch missing many encrypted type malformed'),
  ...words(
    'x509',
    'untrusted no-bundle expired not-yet-valid path-len name-constraint critical-extension signature',
  ),
  ...words('x509', 'algorithm version weak-key chain-length budget empty malformed'),
  ...words('x509.ca', 'flag key-usage'),
  ...words('x509.uri-san', 'missing multiple'),
  ...words('jwt', 'malformed length alg typ kid key crit header signature sub cnf aud exp nbf iat no-bundle'),
  ...words('proof', 'missing malformed alg typ signature wth aud exp jti ath'),
  ...words('bearer', 'form'),
  ...words('x509.leaf', 'ca key-cert-sign crl-sign digital-signature path id eku subject'),
  ...words('bundle', 'empty malformed json keys duplicate x5c kid sequence hint size td'),
  ...words('mount', 'missing unreadable permissions file-type too-large torn identity stale'),
  ...words('federation', 'url unreachable untrusted response sequence'),
  ...words('workload', 'unreachable denied refused unimplemented response'),
  ...words('source', 'timeout expired empty closed'),
  ...words('peer', 'no-certificate closed timeout handshake'),
]);

function words(area: string, list: string): readonly string[] {
  return list.split(' ').map((word) => `${area}.${word}`);
}
