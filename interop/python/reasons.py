"""What an error of py-spiffe is called in the kit. Reasons are only remarked on: no verdict hangs on them."""

REASONS = (
    # The first fragment that a message has decides.
    ("multiple URI SAN", "x509.uri-san.multiple"),
    ("does not contain a URI SAN", "x509.uri-san.missing"),
    ("does not contain a SubjectAlternativeName", "x509.uri-san.missing"),
    ("URI SAN is not a SPIFFE ID", "x509.leaf.id"),
    ("malformed SPIFFE ID", "x509.leaf.id"),
    ("trust domain root", "x509.leaf.path"),
    ("Leaf certificate must not have CA flag", "x509.leaf.ca"),
    ("must have 'digitalSignature'", "x509.leaf.digital-signature"),
    ("Leaf certificate must have KeyUsage", "x509.leaf.digital-signature"),
    ("must not have 'keyCertSign'", "x509.leaf.key-cert-sign"),
    ("must not have 'cRLSign'", "x509.leaf.crl-sign"),
    ("Signing certificate must have CA flag", "x509.ca.flag"),
    ("Intermediate certificate must have BasicConstraints", "x509.ca.flag"),
    ("must have 'keyCertSign'", "x509.ca.key-usage"),
    ("Intermediate certificate must have KeyUsage", "x509.ca.key-usage"),
    ("Leaf certificate must have BasicConstraints", "x509.leaf.ca"),
    ("Error parsing private key", "key.malformed"),
    ("Error parsing X.509 bundle", "bundle.malformed"),
    ("Error parsing certificate", "der.malformed"),
    ("Invalid trust domain: cannot be empty", "id.td.empty"),
    ("Algorithm not supported", "jwt.alg"),
    ("Token type not supported", "jwt.typ"),
    ("Token has expired", "jwt.exp"),
    ("claim value: aud", "jwt.aud"),
    ("audience", "jwt.aud"),
    ("Audience", "jwt.aud"),
    ("required claim: exp", "jwt.exp"),
    ("required claim: sub", "jwt.sub"),
    ("required claim: aud", "jwt.aud"),
    ("Signature verification failed", "jwt.signature"),
    ("not yet valid", "jwt.nbf"),
    ("jwt_bundle cannot be empty", "jwt.no-bundle"),
    ("does not match the trust domain", "jwt.no-bundle"),
    ("key_id cannot be empty", "jwt.kid"),
    ("token cannot be empty", "jwt.malformed"),
    ("cannot be empty", "id.empty"),
    ("does not start with 'spiffe://'", "id.scheme"),
    ("contains disallowed characters", "id.td.char"),
    ("empty segments", "id.path.empty-segment"),
    ("path segments '.' and '..'", "id.path.dot"),
    ("invalid character in path segment", "id.path.char"),
    ("unsupported scheme", "endpoint.scheme"),
    ("scheme must be set", "endpoint.scheme"),
    ("SPIFFE endpoint socket", "endpoint.form"),
)


def reason_of(error: Exception) -> str:
    """The reason code of an error, `unknown` for one that the table does not have."""
    message = str(error)
    return next((code for fragment, code in REASONS if fragment in message), "unknown")
