//! Stands for your library, so that the adapter runs. Use yours in operations.rs and delete this file.

use std::fmt;

pub struct SpiffeId {
    pub trust_domain: String,
    pub path: String,
}

impl SpiffeId {
    pub fn parse(text: &str) -> Result<SpiffeId, String> {
        let no = || format!("no SPIFFE ID: {text:?}");
        let rest = text.strip_prefix("spiffe://").ok_or_else(no)?;
        let (trust_domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let in_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let in_path = |byte: u8| in_domain(byte) || byte.is_ascii_uppercase();
        let segments_fit = path.split('/').skip(1).all(|segment| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(in_path)
        });
        let length_fits = (1..=255).contains(&trust_domain.len()) && text.len() <= 2048;
        if !segments_fit || !length_fits || !trust_domain.bytes().all(in_domain) {
            return Err(no());
        }
        Ok(SpiffeId { trust_domain: trust_domain.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "spiffe://{}{}", self.trust_domain, self.path)
    }
}
