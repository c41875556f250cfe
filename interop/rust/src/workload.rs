//! The Workload API, asked once, and sources of JWT-SVIDs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use spiffe::{JwtSource, JwtSvid, SpiffeId, WorkloadApiClient};

use crate::failure::Failure;
use crate::handles::Handles;
use crate::operations::fingerprint;
use crate::params::{text, texts};

pub static JWT_SOURCES: LazyLock<Handles<JwtSource>> = LazyLock::new(|| Handles::new("j"));

/// `source.open` with the kind `workloadApiJwt`: answers when there are bundles.
pub async fn open_jwt(params: Value) -> Result<Value, Failure> {
    let builder = JwtSource::builder().endpoint(text(&params, "address")?);
    let source = builder.build().await?;
    Ok(json!({ "handle": JWT_SOURCES.add(|_| source) }))
}

/// `source.jwt`
pub async fn fetch_jwt_of_source(params: Value) -> Result<Value, Failure> {
    let source = JWT_SOURCES.get(&params, "handle")?;
    let (audience, id) = request(&params)?;
    describe(&source.fetch_jwt_svid_with_id(audience, id.as_ref()).await?)
}

/// `source.validateJwt`
pub fn validate_jwt_of_source(params: &Value) -> Result<Value, Failure> {
    let source = JWT_SOURCES.get(params, "handle")?;
    let audience = [text(params, "audience")?];
    let svid = JwtSvid::parse_and_validate(text(params, "token")?, &*source, &audience)?;
    Ok(json!({ "id": svid.spiffe_id().to_string() }))
}

/// `workload.x509Bundles`
pub async fn fetch_x509_bundles(params: Value) -> Result<Value, Failure> {
    let bundles = client(&params).await?.fetch_x509_bundles().await?;
    let bundles: BTreeMap<_, Vec<_>> = bundles
        .iter()
        .map(|(name, bundle)| {
            let authorities = bundle.authorities().iter().map(fingerprint).collect();
            (name.as_str(), authorities)
        })
        .collect();
    Ok(json!({ "bundles": bundles }))
}

/// `workload.jwt`
pub async fn fetch_jwt(params: Value) -> Result<Value, Failure> {
    let (audience, id) = request(&params)?;
    let client = client(&params).await?;
    describe(&client.fetch_jwt_svid(audience, id.as_ref()).await?)
}

/// `workload.validateJwt`: of the claims that the agent tells, the library has those of the token.
pub async fn validate_jwt_by_agent(params: Value) -> Result<Value, Failure> {
    let client = client(&params).await?;
    let (audience, token) = (text(&params, "audience")?, text(&params, "token")?);
    let svid = client.validate_jwt_token(audience, token).await?;
    let claims = svid.claims();
    Ok(json!({
        "id": svid.spiffe_id().to_string(),
        "claims": { "sub": claims.sub(), "aud": claims.aud(), "exp": claims.exp() },
        "delegated": true,
    }))
}

async fn client(params: &Value) -> Result<WorkloadApiClient, Failure> {
    Ok(WorkloadApiClient::connect_to(text(params, "address")?).await?)
}

fn request(params: &Value) -> Result<(Vec<&str>, Option<SpiffeId>), Failure> {
    let id = params["id"].as_str().map(SpiffeId::new).transpose()?;
    Ok((texts(params, "audience")?, id))
}

fn describe(svid: &JwtSvid) -> Result<Value, Failure> {
    Ok(json!({ "id": svid.spiffe_id().to_string(), "token": svid.token() }))
}
