"""The operations that need nothing but what they are called with."""

import hashlib
from base64 import b64decode
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate
from spiffe import JwtBundle, JwtBundleSet, JwtSvid, SpiffeId, TrustDomain, X509Bundle, X509Svid
from spiffe.config import ConfigSetter


def parse_id(params: dict) -> dict:
    # Bytes that are not UTF-8 become U+FFFD: a SpiffeId is made from text.
    text = b64decode(params["idB64"]).decode(errors="replace") if "idB64" in params else params["id"]
    spiffe_id = SpiffeId(text)
    return {
        "id": str(spiffe_id),
        "trustDomain": spiffe_id.trust_domain.name,
        "path": spiffe_id.path,
        "segments": spiffe_id.path.split("/")[1:],
    }


def equal_ids(params: dict) -> dict:
    return {"equal": SpiffeId(params["a"]) == SpiffeId(params["b"])}


def parse_trust_domain(params: dict) -> dict:
    trust_domain = TrustDomain(params["text"])
    return {"name": trust_domain.name, "id": trust_domain.as_spiffe_id()}


def parse_svid_pem(params: dict) -> dict:
    return describe_svid(X509Svid.parse(params["cert"].encode(), params["key"].encode()))


def parse_svid_der(params: dict) -> dict:
    return describe_svid(X509Svid.parse_raw(b64decode(params["certB64"]), b64decode(params["keyB64"])))


def describe_svid(svid: X509Svid) -> dict:
    return {"id": str(svid.spiffe_id), "chainSha256": fingerprints(svid.cert_chain)}


def parse_bundle_pem(params: dict) -> dict:
    bundle = X509Bundle.parse(TrustDomain(params["trustDomain"]), params["pem"].encode())
    return {
        "trustDomain": bundle.trust_domain.name,
        "x509Sha256": sorted(fingerprints(bundle.x509_authorities)),
    }


def parse_jwks(params: dict) -> dict:
    text = b64decode(params["jsonB64"]) if "jsonB64" in params else params["json"].encode()
    bundle = JwtBundle.parse(TrustDomain(params["trustDomain"]), text)
    spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return {
        "trustDomain": bundle.trust_domain.name,
        "jwt": [
            {"kid": kid, "spkiSha256": hashlib.sha256(key.public_bytes(*spki)).hexdigest()}
            for kid, key in sorted(bundle.jwt_authorities.items())
        ],
    }


def validate_jwt(params: dict) -> dict:
    token = b64decode(params["tokenB64"]).decode(errors="replace") if "tokenB64" in params else params["token"]
    parsed = [JwtBundle.parse(TrustDomain(name), text.encode()) for name, text in params["bundles"].items()]
    bundles = JwtBundleSet({bundle.trust_domain: bundle for bundle in parsed})
    svid = validated(token, set(params["audience"]), bundles.get_bundle_for_trust_domain)
    return {
        "id": str(svid.spiffe_id),
        "audience": sorted(svid.audience),
        "expiry": datetime.fromtimestamp(svid.expiry, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def validated(token: str, audience: set[str], bundle_of: Callable[[TrustDomain], JwtBundle | None]) -> JwtSvid:
    """As the documentation has it: the caller chooses the bundle of the subject."""
    subject = JwtSvid.parse_insecure(token, audience).spiffe_id
    return JwtSvid.parse_and_validate(token, bundle_of(subject.trust_domain), audience)


def parse_endpoint(params: dict) -> dict:
    # The library gives back the address whole; here it is only taken apart.
    endpoint = urlsplit(ConfigSetter(params["value"]).get_config().spiffe_endpoint_socket)
    return {"scheme": endpoint.scheme, "address": endpoint.netloc or endpoint.path}


def fingerprints(certificates: Iterable[Certificate]) -> list[str]:
    return [hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest() for one in certificates]
