package interop;

import io.spiffe.exception.AuthorityNotFoundException;
import io.spiffe.exception.BundleNotFoundException;
import io.spiffe.exception.InvalidSpiffeIdException;
import io.spiffe.exception.JwtBundleException;
import io.spiffe.exception.JwtSourceException;
import io.spiffe.exception.JwtSvidException;
import io.spiffe.exception.SocketEndpointAddressException;
import io.spiffe.exception.X509BundleException;
import io.spiffe.exception.X509SvidException;
import io.spiffe.provider.SpiffeVerificationException;
import java.io.IOException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.CertificateParsingException;
import java.security.cert.PKIXReason;
import java.util.Map;
import java.util.Map.Entry;
import java.util.Set;

/** Which errors are verdicts, and what they are called in the kit. No verdict hangs on the names. */
final class Reasons {

    /**
     * What the library documents. An IllegalArgumentException is what it documents for an empty ID, and an IOException is
     * how a connection ends that was not let in.
     */
    private static final Set<Class<? extends Exception>> VERDICTS = Set.of(
            InvalidSpiffeIdException.class,
            IllegalArgumentException.class,
            X509SvidException.class,
            X509BundleException.class,
            JwtBundleException.class,
            JwtSvidException.class,
            JwtSourceException.class,
            AuthorityNotFoundException.class,
            CertificateException.class,
            BundleNotFoundException.class,
            SocketEndpointAddressException.class,
            IOException.class);

    /** The first fragment that a message has decides. */
    private static final Entry<?, ?>[] FRAGMENTS = {
        Map.entry("exactly one URI SAN", "x509.uri-san.multiple"),
        Map.entry("multiple SPIFFE IDs", "x509.uri-san.multiple"),
        Map.entry("does not contain SPIFFE ID", "x509.uri-san.missing"),
        Map.entry("must have a non-root path", "x509.leaf.path"),
        Map.entry("Leaf certificate must not have CA flag", "x509.leaf.ca"),
        Map.entry("must have 'digitalSignature'", "x509.leaf.digital-signature"),
        Map.entry("must not have 'keyCertSign'", "x509.leaf.key-cert-sign"),
        Map.entry("must not have 'cRLSign'", "x509.leaf.crl-sign"),
        Map.entry("Signing certificate must have CA flag", "x509.ca.flag"),
        Map.entry("Signing certificate must have 'keyCertSign'", "x509.ca.key-usage"),
        Map.entry("Private Key could not be parsed", "key.malformed"),
        Map.entry("Certificate could not be parsed", "der.malformed"),
        Map.entry("Could not parse certificate", "der.malformed"),
        Map.entry("Bundle certificates could not be parsed", "bundle.malformed"),
        Map.entry("Unable to parse JWK set", "bundle.malformed"),
        Map.entry("Unable to parse JWT token", "jwt.malformed"),
        Map.entry("token cannot be blank", "jwt.malformed"),
        Map.entry("Unsupported token signature algorithm", "jwt.alg"),
        Map.entry("'alg' is required", "jwt.alg"),
        Map.entry("Token header", "jwt.kid"),
        Map.entry("header 'typ'", "jwt.typ"),
        Map.entry("Token missing expiration", "jwt.exp"),
        Map.entry("Token has expired", "jwt.exp"),
        Map.entry("Token missing subject", "jwt.sub"),
        Map.entry("cannot be parsed as a SPIFFE ID", "jwt.sub"),
        Map.entry("Token missing audience", "jwt.aud"),
        Map.entry("expected audience", "jwt.aud"),
        Map.entry("verifying signature", "jwt.signature"),
        Map.entry("Signature invalid", "jwt.signature"),
        Map.entry("No JWT bundle", "jwt.no-bundle"),
        Map.entry("No JWT authority", "jwt.key"),
        Map.entry("No authority found", "jwt.key"),
        Map.entry("No X.509 bundle for trust domain", "x509.no-bundle"),
        Map.entry("No trusted Certs", "bundle.empty"),
        Map.entry("Cannot be empty", "id.empty"),
        Map.entry("Scheme is missing or invalid", "id.scheme"),
        Map.entry("Trust domain is missing", "id.td.empty"),
        Map.entry("Trust domain characters", "id.td.char"),
        Map.entry("Path segment characters", "id.path.char"),
        Map.entry("Path cannot contain empty segments", "id.path.empty-segment"),
        Map.entry("Path cannot contain dot segments", "id.path.dot"),
        Map.entry("Path cannot have a trailing slash", "id.path.trailing-slash"),
        Map.entry("must have a tcp:// or unix:// scheme", "endpoint.scheme"),
        Map.entry("Workload endpoint", "endpoint.form"),
        Map.entry("Endpoint Socket Address Environment Variable", "endpoint.form"),
        Map.entry("X.509 Context", "workload.response"),
    };

    private static final Map<CertPathValidatorException.Reason, String> PATH_REASONS = Map.of(
            BasicReason.EXPIRED, "x509.expired",
            BasicReason.NOT_YET_VALID, "x509.not-yet-valid",
            BasicReason.INVALID_SIGNATURE, "x509.signature",
            BasicReason.ALGORITHM_CONSTRAINED, "x509.algorithm",
            PKIXReason.NOT_CA_CERT, "x509.ca.flag",
            PKIXReason.INVALID_KEY_USAGE, "x509.ca.key-usage",
            PKIXReason.PATH_TOO_LONG, "x509.path-len",
            PKIXReason.INVALID_NAME, "x509.name-constraint",
            PKIXReason.UNRECOGNIZED_CRIT_EXT, "x509.critical-extension");

    /** The words that a message of gRPC begins with. */
    private static final Map<String, String> STATUS_REASONS = Map.of(
            "PERMISSION_DENIED", "workload.denied",
            "INVALID_ARGUMENT", "workload.refused",
            "UNIMPLEMENTED", "workload.unimplemented",
            "UNAVAILABLE", "workload.unreachable",
            "CANCELLED", "workload.response",
            "INTERNAL", "workload.response",
            "RESOURCE_EXHAUSTED", "workload.response",
            "UNKNOWN", "workload.response");

    private Reasons() {}

    static boolean isVerdict(Exception error) {
        return VERDICTS.stream().anyMatch(verdict -> verdict.isInstance(error));
    }

    /** An error in an event or in a snapshot. */
    static Map<String, ?> problem(Throwable error) {
        return Map.of("code", of(error), "message", messageOf(error));
    }

    private static String messageOf(Throwable error) {
        String message = String.valueOf(error.getMessage());
        return error.getCause() == null ? message : message + ": " + messageOf(error.getCause());
    }

    static String of(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof SpiffeVerificationException) return "authz.denied";
            if (cause instanceof CertificateExpiredException) return "x509.expired";
            if (cause instanceof CertificateNotYetValidException) return "x509.not-yet-valid";
            if (cause instanceof CertPathValidatorException path) {
                return PATH_REASONS.getOrDefault(path.getReason(), "x509.untrusted");
            }
            String status = String.valueOf(cause.getMessage()).split(":", 2)[0];
            if (STATUS_REASONS.containsKey(status)) return STATUS_REASONS.get(status);
        }
        for (Entry<?, ?> entry : FRAGMENTS) {
            if (String.valueOf(error.getMessage()).contains((String) entry.getKey())) return (String) entry.getValue();
        }
        return error instanceof CertificateParsingException ? "der.malformed" : "unknown";
    }
}
