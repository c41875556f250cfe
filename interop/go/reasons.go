package main

import (
	"crypto/x509"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// reasons says what a message of the library is called in the kit. The first
// fragment that fits decides. The kit only remarks on reasons: no verdict
// hangs on them.
var reasons = []struct{ fragment, code string }{
	{"jwtsvid: token has expired", "jwt.exp"},
	{"jwtsvid: token missing exp claim", "jwt.exp"},
	{"jwtsvid: expected audience", "jwt.aud"},
	{"jwtsvid: token missing subject", "jwt.sub"},
	{"jwtsvid: token has an invalid subject", "jwt.sub"},
	{"jwtsvid: no bundle found", "jwt.no-bundle"},
	{"jwtsvid: no JWT authority", "jwt.kid"},
	{"jwtsvid: token header missing key id", "jwt.kid"},
	{"jwtsvid: token header type", "jwt.typ"},
	{"unexpected signature algorithm", "jwt.alg"},
	{"jwtsvid: unable to parse JWT token", "jwt.malformed"},
	{"jwtsvid: unable to get claims from token", "jwt.signature"},
	{"witsvid: unable to parse WIT-SVID token", "jwt.malformed"},
	{"witsvid: token header type", "jwt.typ"},
	{"witsvid: token header missing key id", "jwt.kid"},
	{"witsvid: token missing subject", "jwt.sub"},
	{"witsvid: token has an invalid subject", "jwt.sub"},
	{"witsvid: token missing exp claim", "jwt.exp"},
	{"witsvid: token has expired", "jwt.exp"},
	{"witsvid: token is not yet valid", "jwt.nbf"},
	{"witsvid: WIT-SVID must not contain aud", "jwt.aud"},
	{"witsvid: no WIT bundle found", "jwt.no-bundle"},
	{"witsvid: no WIT authority", "jwt.kid"},
	{"witsvid: signature verification failed", "jwt.signature"},
	{"cnf", "jwt.cnf"},
	{"no URI SAN", "x509.uri-san.missing"},
	{"more than one URI SAN", "x509.uri-san.multiple"},
	{"non-root path", "x509.leaf.path"},
	{"SPIFFE ID: ", "x509.leaf.id"},
	{"leaf certificate must not have CA flag", "x509.leaf.ca"},
	{"leaf certificate with CA flag", "x509.leaf.ca"},
	{"must have 'digitalSignature'", "x509.leaf.digital-signature"},
	{"must not have 'keyCertSign'", "x509.leaf.key-cert-sign"},
	{"leaf certificate with KeyCertSign", "x509.leaf.key-cert-sign"},
	{"must not have 'cRLSign'", "x509.leaf.crl-sign"},
	{"leaf certificate with KeyCrlSign", "x509.leaf.crl-sign"},
	{"signing certificate must have CA flag", "x509.ca.flag"},
	{"signing certificate must have 'keyCertSign'", "x509.ca.key-usage"},
	{"does not match private key", "key.mismatch"},
	{"no private key found", "key.missing"},
	{"private key: no PEM blocks found", "key.missing"},
	{"private key", "key.malformed"},
	{"no certificates found", "x509.empty"},
	{"empty certificates chain", "x509.empty"},
	{"no X.509 bundle for trust domain", "x509.no-bundle"},
	{"no PEM blocks found", "pem.none"},
	{"parse certificate", "der.malformed"},
	{"parse PEM encoded certificate", "der.malformed"},
	{"parse DER encoded certificate", "der.malformed"},
	{"cannot parse certificate", "bundle.malformed"},
	{"signature check attempts limit", "x509.budget"},
	{"unexpected ID ", "authz.denied"},
	{"unexpected trust domain ", "authz.denied"},
	{"issued in the future", "jwt.iat"},
	{"token not valid yet", "jwt.nbf"},
	{"unable to parse", "bundle.malformed"},
	{"no authorities found", "bundle.keys"},
	{"error adding", "bundle.malformed"},
	{"cannot be empty", "id.empty"},
	{"scheme is missing or invalid", "id.scheme"},
	{"trust domain is missing", "id.td.empty"},
	{"trust domain characters", "id.td.char"},
	{"path segment characters", "id.path.char"},
	{"path cannot contain empty segments", "id.path.empty-segment"},
	{"path cannot contain dot segments", "id.path.dot"},
	{"path cannot have a trailing slash", "id.path.trailing-slash"},
	{"path must have a leading slash", "id.path.no-slash"},
	{"workload endpoint socket URI must have a", "endpoint.scheme"},
	{"workload endpoint socket address is not configured", "endpoint.form"},
	{"workload endpoint", "endpoint.form"},
	{"no SVIDs in response", "workload.response"},
	{"federation: could not GET bundle: ", "federation.unreachable"},
	{"federation: ", "federation.response"},
}

// statusReasons has the reasons of gRPC.
var statusReasons = map[codes.Code]string{
	codes.PermissionDenied: "workload.denied",
	codes.InvalidArgument:  "workload.refused",
	codes.Unimplemented:    "workload.unimplemented",
	codes.Unavailable:      "workload.unreachable",
}

// verifyReasons has the reasons of crypto/x509.
var verifyReasons = map[x509.InvalidReason]string{
	x509.NotAuthorizedToSign:           "x509.ca.flag",
	x509.CANotAuthorizedForThisName:    "x509.name-constraint",
	x509.TooManyConstraints:            "x509.name-constraint",
	x509.UnconstrainedName:             "x509.name-constraint",
	x509.TooManyIntermediates:          "x509.path-len",
	x509.CANotAuthorizedForExtKeyUsage: "x509.leaf.eku",
}

func reasonOf(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(denied)):
		return "authz.denied"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "x509.untrusted"
	case errors.As(err, new(x509.UnhandledCriticalExtension)):
		return "x509.critical-extension"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if strings.Contains(invalid.Detail, "is before") {
			return "x509.not-yet-valid"
		}
		return "x509.expired"
	case errors.As(err, &invalid) && verifyReasons[invalid.Reason] != "":
		return verifyReasons[invalid.Reason]
	}
	if told, ok := status.FromError(err); ok && err != nil {
		if reason := statusReasons[told.Code()]; reason != "" {
			return reason
		}
		return "workload.response"
	}
	for _, reason := range reasons {
		if strings.Contains(err.Error(), reason.fragment) {
			return reason.code
		}
	}
	return "unknown"
}

// problemOf is an error in an event or in a snapshot.
func problemOf(err error) rejection {
	return rejection{Code: reasonOf(err), Message: err.Error()}
}
