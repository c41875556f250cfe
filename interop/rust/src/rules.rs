//! Who may come in: the authorizers of `spiffe-rustls`.

use serde_json::{Value, json};
use spiffe::SpiffeId;
use spiffe_rustls::{Authorizer, authorizer};

use crate::failure::Failure;
use crate::params::{text, texts};

/// The kinds of rules that there is an authorizer for.
pub const KINDS: [&str; 4] = ["any", "id", "oneOf", "memberOf"];

/// `id.match`
pub fn match_id(params: &Value) -> Result<Value, Failure> {
    let authorizer = to_authorizer(&params["rule"])?;
    let id = SpiffeId::new(text(params, "id")?)?;
    Ok(json!({ "match": authorizer.authorize(&id) }))
}

/// The library's own authorizer for a rule.
pub fn to_authorizer(rule: &Value) -> Result<Box<dyn Authorizer>, Failure> {
    let kind = rule.as_object().and_then(|members| members.keys().next());
    Ok(match kind.map(String::as_str) {
        Some("any") => Box::new(authorizer::any()),
        Some("id") => Box::new(authorizer::exact([text(rule, "id")?])?),
        Some("oneOf") => Box::new(authorizer::exact(texts(rule, "oneOf")?)?),
        Some("memberOf") => Box::new(authorizer::trust_domains([text(rule, "memberOf")?])?),
        _ => {
            return Err(Failure::Fault(
                "a rule of a kind that was not claimed".to_owned(),
            ));
        }
    })
}
