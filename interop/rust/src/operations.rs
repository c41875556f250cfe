//! Every operation of the protocol that the library has.

use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spiffe::transport::Endpoint;
use spiffe::{Certificate, JwtBundle, JwtBundleSet, JwtSvid, SpiffeId, TrustDomain, X509Svid};
use time::format_description::well_known::Rfc3339;

use crate::connections::{self, SERVERS};
use crate::failure::Failure;
use crate::params::{bytes, text, text_or_bytes, texts};
use crate::rules::match_id;
use crate::sources::{self, SOURCES};
use crate::workload::{self, JWT_SOURCES};

/// Answers a call with what the library says.
pub enum Operation {
    Now(fn(&Value) -> Answer),
    Later(fn(Value) -> Pin<Box<dyn Future<Output = Answer> + Send>>),
}

type Answer = Result<Value, Failure>;

use Operation::{Later, Now};

pub static OPERATIONS: [(&str, Operation); 21] = [
    ("id.parse", Now(parse_id)),
    ("id.build", Now(build_id)),
    ("id.equal", Now(equal_ids)),
    ("id.match", Now(match_id)),
    ("td.parse", Now(parse_trust_domain)),
    ("svid.parseDer", Now(parse_svid)),
    ("jwt.validate", Now(validate_jwt)),
    ("jwt.parse", Now(parse_jwt)),
    ("endpoint.parse", Now(parse_endpoint)),
    ("source.open", Later(|params| Box::pin(open_source(params)))),
    ("source.get", Now(sources::get)),
    (
        "source.wait",
        Later(|params| Box::pin(sources::wait(params))),
    ),
    (
        "source.close",
        Later(|params| Box::pin(close_source(params))),
    ),
    (
        "source.jwt",
        Later(|params| Box::pin(workload::fetch_jwt_of_source(params))),
    ),
    ("source.validateJwt", Now(workload::validate_jwt_of_source)),
    (
        "workload.x509Bundles",
        Later(|params| Box::pin(workload::fetch_x509_bundles(params))),
    ),
    (
        "workload.jwt",
        Later(|params| Box::pin(workload::fetch_jwt(params))),
    ),
    (
        "workload.validateJwt",
        Later(|params| Box::pin(workload::validate_jwt_by_agent(params))),
    ),
    (
        "server.start",
        Later(|params| Box::pin(connections::start_server(params))),
    ),
    (
        "server.stop",
        Later(|params| Box::pin(connections::stop_server(params))),
    ),
    (
        "client.connect",
        Later(|params| Box::pin(connections::connect(params))),
    ),
];

/// Ends everything that calls have opened: servers before what they are made of.
pub async fn close_all() {
    for server in SERVERS.take_all() {
        server.stop(Duration::ZERO).await;
    }
    for source in SOURCES.take_all() {
        source.close().await;
    }
    for source in JWT_SOURCES.take_all() {
        source.shutdown().await;
    }
}

async fn open_source(params: Value) -> Answer {
    match text(&params, "kind")? {
        "workloadApi" => sources::open(&params),
        "workloadApiJwt" => workload::open_jwt(params).await,
        kind => Err(Failure::Fault(format!("kind: {kind}"))),
    }
}

async fn close_source(params: Value) -> Answer {
    if let Some(source) = JWT_SOURCES.take(&params) {
        source.shutdown().await;
    } else {
        SOURCES.get(&params, "handle")?.close().await;
        SOURCES.take(&params);
    }
    Ok(json!({}))
}

fn parse_id(params: &Value) -> Answer {
    let id = SpiffeId::new(text_or_bytes(params, "id")?)?;
    Ok(json!({
        "id": id.to_string(),
        "trustDomain": id.trust_domain_name(),
        "path": id.path(),
        "segments": id.path().split('/').skip(1).collect::<Vec<_>>(),
    }))
}

fn build_id(params: &Value) -> Answer {
    let trust_domain = TrustDomain::new(text(params, "trustDomain")?)?;
    let id = SpiffeId::from_segments(trust_domain, &texts(params, "segments")?)?;
    Ok(json!({ "id": id.to_string() }))
}

fn equal_ids(params: &Value) -> Answer {
    Ok(json!({ "equal": SpiffeId::new(text(params, "a")?)? == SpiffeId::new(text(params, "b")?)? }))
}

fn parse_trust_domain(params: &Value) -> Answer {
    let trust_domain = TrustDomain::new(text(params, "text")?)?;
    Ok(json!({ "name": trust_domain.as_str(), "id": trust_domain.id_string() }))
}

fn parse_svid(params: &Value) -> Answer {
    let svid = X509Svid::parse_from_der(&bytes(params, "certB64")?, &bytes(params, "keyB64")?)?;
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "chainSha256": svid.cert_chain().iter().map(fingerprint).collect::<Vec<_>>(),
    }))
}

fn validate_jwt(params: &Value) -> Answer {
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

fn parse_jwt(params: &Value) -> Answer {
    let svid = JwtSvid::parse_insecure(text(params, "token")?)?;
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "audience": svid.audience(),
        "verified": false,
    }))
}

fn parse_endpoint(params: &Value) -> Answer {
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

pub fn fingerprint(certificate: &Certificate) -> String {
    Sha256::digest(certificate.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
