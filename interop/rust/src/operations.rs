//! Every operation of the protocol that the library has.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spiffe::transport::Endpoint;
use spiffe::{Certificate, JwtBundle, JwtBundleSet, JwtSvid, SpiffeId, TrustDomain, X509Svid};
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;
use crate::params::{bytes, text, text_or_bytes, texts};
use crate::rules::match_id;

/// Answers a call with what the library says.
type Operation = fn(&Value) -> Result<Value, Failure>;

pub const OPERATIONS: [(&str, Operation); 8] = [
    ("id.parse", parse_id),
    ("id.build", build_id),
    ("id.equal", equal_ids),
    ("id.match", match_id),
    ("td.parse", parse_trust_domain),
    ("svid.parseDer", parse_svid),
    ("jwt.validate", validate_jwt),
    ("endpoint.parse", parse_endpoint),
];

fn parse_id(params: &Value) -> Result<Value, Failure> {
    let id = SpiffeId::new(text_or_bytes(params, "id")?)?;
    Ok(json!({
        "id": id.to_string(),
        "trustDomain": id.trust_domain_name(),
        "path": id.path(),
        "segments": id.path().split('/').skip(1).collect::<Vec<_>>(),
    }))
}

fn build_id(params: &Value) -> Result<Value, Failure> {
    let trust_domain = TrustDomain::new(text(params, "trustDomain")?)?;
    let id = SpiffeId::from_segments(trust_domain, &texts(params, "segments")?)?;
    Ok(json!({ "id": id.to_string() }))
}

fn equal_ids(params: &Value) -> Result<Value, Failure> {
    Ok(json!({ "equal": SpiffeId::new(text(params, "a")?)? == SpiffeId::new(text(params, "b")?)? }))
}

fn parse_trust_domain(params: &Value) -> Result<Value, Failure> {
    let trust_domain = TrustDomain::new(text(params, "text")?)?;
    Ok(json!({ "name": trust_domain.as_str(), "id": trust_domain.id_string() }))
}

fn parse_svid(params: &Value) -> Result<Value, Failure> {
    let svid = X509Svid::parse_from_der(&bytes(params, "certB64")?, &bytes(params, "keyB64")?)?;
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "chainSha256": svid.cert_chain().iter().map(fingerprint).collect::<Vec<_>>(),
    }))
}

fn validate_jwt(params: &Value) -> Result<Value, Failure> {
    let token = text_or_bytes(params, "token")?;
    let mut bundles = JwtBundleSet::new();
    for (name, bundle) in params["bundles"].as_object().into_iter().flatten() {
        let jwks = bundle.as_str().unwrap_or_default().as_bytes();
        bundles.add_bundle(JwtBundle::from_jwt_authorities(
            TrustDomain::new(name)?,
            jwks,
        )?);
    }
    let svid = JwtSvid::parse_and_validate(&token, &bundles, &texts(params, "audience")?)?;
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "audience": svid.audience(),
        "expiry": svid.expiry().format(&Rfc3339).map_err(|error| Failure::Fault(error.to_string()))?,
    }))
}

fn parse_endpoint(params: &Value) -> Result<Value, Failure> {
    match Endpoint::parse(text(params, "value")?)? {
        Endpoint::Unix(path) => Ok(json!({ "scheme": "unix", "address": path })),
        Endpoint::Tcp { host, port } => Ok(
            json!({ "scheme": "tcp", "address": std::net::SocketAddr::new(host, port).to_string() }),
        ),
        other => Err(Failure::Fault(format!(
            "an endpoint of a kind that the protocol lacks: {other:?}"
        ))),
    }
}

fn fingerprint(certificate: &Certificate) -> String {
    Sha256::digest(certificate.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
