//! How a call can fail, and what the errors of the library are called in the kit.

use std::error::Error;
use std::io;

use spiffe::bundle::jwt::JwtBundleError;
use spiffe::cert::error::{CertificateError, PrivateKeyError};
use spiffe::jwt_source::JwtSourceError;
use spiffe::transport::EndpointError;
use spiffe::{
    JwtSvidError, JwtVerificationErrorKind, SpiffeIdError, WorkloadApiError, X509SvidError,
};

pub enum Failure {
    /// The library looked and said no. The kit only remarks on codes: no verdict hangs on them.
    Rejected { code: &'static str, message: String },
    /// Anything else, which is never a verdict.
    Fault(String),
}

impl Failure {
    pub fn rejected(code: &'static str, message: impl ToString) -> Self {
        Self::Rejected {
            code,
            message: message.to_string(),
        }
    }

    fn of(code: &'static str, error: &dyn Error) -> Self {
        Self::rejected(code, error)
    }
}

impl From<SpiffeIdError> for Failure {
    fn from(error: SpiffeIdError) -> Self {
        use SpiffeIdError as E;
        let code = match error {
            E::Empty => "id.empty",
            E::MissingTrustDomain => "id.td.empty",
            E::WrongScheme => "id.scheme",
            E::BadTrustDomainChar => "id.td.char",
            E::BadPathSegmentChar => "id.path.char",
            E::EmptySegment => "id.path.empty-segment",
            E::DotSegment => "id.path.dot",
            E::TrailingSlash => "id.path.trailing-slash",
            E::SpiffeIdTooLong { .. } => "id.length",
            E::TrustDomainTooLong { .. } => "id.td.length",
            _ => "unknown",
        };
        Self::of(code, &error)
    }
}

impl From<X509SvidError> for Failure {
    fn from(error: X509SvidError) -> Self {
        use CertificateError as C;
        use X509SvidError as E;
        let code = match &error {
            E::EmptyChain => "x509.empty",
            E::LeafCertificateHasCaFlag => "x509.leaf.ca",
            E::LeafCertificateHasCrlSign => "x509.leaf.crl-sign",
            E::LeafCertificateHasKeyCertSign => "x509.leaf.key-cert-sign",
            E::LeafCertificateMissingDigitalSignature => "x509.leaf.digital-signature",
            E::LeafSpiffeIdMissingPath => "x509.leaf.path",
            E::SigningCertificateMissingCaFlag => "x509.ca.flag",
            E::SigningCertificateMissingKeyCertSign => "x509.ca.key-usage",
            E::UnparseableExtension { .. } => "der.malformed",
            E::Certificate(C::MissingSpiffeId) => "x509.uri-san.missing",
            E::Certificate(C::MissingX509Extension(oid)) => match oid.as_str() {
                "2.5.29.15" => "x509.leaf.digital-signature",
                "2.5.29.17" => "x509.uri-san.missing",
                _ => "unknown",
            },
            E::Certificate(C::MultipleUriSanEntries | C::MultipleSpiffeIds) => {
                "x509.uri-san.multiple"
            }
            E::Certificate(C::InvalidSpiffeId(_) | C::OversizedUriSan { .. }) => "x509.leaf.id",
            E::Certificate(C::TooManyCertificates { .. }) => "x509.chain-length",
            E::Certificate(C::ParseX509Certificate(_) | C::UnexpectedExtension(_)) => {
                "der.malformed"
            }
            E::PrivateKey(PrivateKeyError::DecodePkcs8(_)) => "key.malformed",
            _ => "unknown",
        };
        Self::of(code, &error)
    }
}

impl From<JwtBundleError> for Failure {
    fn from(error: JwtBundleError) -> Self {
        Self::of("bundle.malformed", &error)
    }
}

impl From<JwtSvidError> for Failure {
    fn from(error: JwtSvidError) -> Self {
        use JwtSvidError as E;
        let code = match &error {
            E::InvalidSubject(_) => "jwt.sub",
            E::MissingKeyId => "jwt.kid",
            E::InvalidTyp => "jwt.typ",
            E::InvalidExpiration => "jwt.exp",
            E::UnsupportedAlgorithm | E::BackendUnsupportedAlgorithm(_) => "jwt.alg",
            E::InvalidJwtFormat | E::InvalidBase64 | E::InvalidJson(_) => "jwt.malformed",
            E::InvalidNotBefore => "jwt.nbf",
            E::BundleNotFound(_) => "jwt.no-bundle",
            E::AuthorityNotFound(_) => "jwt.key",
            E::InvalidAudience(..) => "jwt.aud",
            E::InvalidToken(reason) => match reason.kind() {
                JwtVerificationErrorKind::Expired => "jwt.exp",
                JwtVerificationErrorKind::NotYetValid => "jwt.nbf",
                JwtVerificationErrorKind::AudienceMismatch => "jwt.aud",
                JwtVerificationErrorKind::InvalidSignature => "jwt.signature",
                _ => "jwt.malformed",
            },
            _ => "unknown",
        };
        Self::of(code, &error)
    }
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        let code = match error {
            EndpointError::InvalidScheme => "endpoint.scheme",
            _ => "endpoint.form",
        };
        Self::of(code, &error)
    }
}

impl From<WorkloadApiError> for Failure {
    fn from(error: WorkloadApiError) -> Self {
        use WorkloadApiError as E;
        let code = match &error {
            E::NoIdentityIssued | E::PermissionDenied(_) => "workload.denied",
            E::Transport(_) if error.is_invalid_argument() => "workload.refused",
            E::Transport(_) => "workload.unreachable",
            E::MissingEndpointSocket | E::Endpoint(_) => "endpoint.form",
            _ => "workload.response",
        };
        Self::of(code, &error)
    }
}

impl From<JwtSourceError> for Failure {
    fn from(error: JwtSourceError) -> Self {
        match error {
            JwtSourceError::Source(error) | JwtSourceError::FetchJwtSvid(error) => error.into(),
            _ => Self::of("unknown", &error),
        }
    }
}

impl From<spiffe_rustls::Error> for Failure {
    fn from(error: spiffe_rustls::Error) -> Self {
        let code = match error {
            spiffe_rustls::Error::AuthorizerConfig(_) => "authz.rule",
            _ => "unknown",
        };
        Self::of(code, &error)
    }
}

impl From<spiffe_rustls_tokio::Error> for Failure {
    fn from(error: spiffe_rustls_tokio::Error) -> Self {
        // Of a handshake there is a text alone.
        let text = error.to_string();
        let code = [
            ("not authorized", "authz.denied"),
            ("no bundle for trust domain", "x509.no-bundle"),
            ("UnknownIssuer", "x509.untrusted"),
            ("expired", "x509.expired"),
            ("not valid yet", "x509.not-yet-valid"),
        ];
        let found = code.iter().find(|(fragment, _)| text.contains(fragment));
        Self::of(found.map_or("unknown", |(_, code)| code), &error)
    }
}

/// How a connection ends is how a peer says no.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of("unknown", &error)
    }
}
