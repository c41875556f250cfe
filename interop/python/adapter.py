"""Answers the calls of the conformance kit with py-spiffe: one JSON object per line in, one out.

It adds no check, no retry and no normalisation of its own.
"""

import hashlib
import json
import platform
import sys
import traceback
from base64 import b64decode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate
from spiffe import JwtBundle, JwtBundleSet, JwtSvid, SpiffeId, TrustDomain, X509Bundle, X509Svid
from spiffe.config import ConfigSetter
from spiffe.errors import PySpiffeError

from reasons import reason_of

PROTOCOL = 1


class Unacceptable(Exception):
    """No common protocol."""


def hello(params: dict) -> dict:
    if PROTOCOL not in params["protocol"]:
        raise Unacceptable(f"this adapter speaks protocol {PROTOCOL}")
    return {
        "protocol": PROTOCOL,
        "implementation": {
            "name": "py-spiffe",
            "version": version("spiffe"),
            "language": "python",
            "runtime": f"{platform.python_implementation()} {platform.python_version()}",
            "homepage": "https://github.com/HewlettPackard/py-spiffe",
        },
        "capabilities": {
            "ops": list(OPERATIONS),
            "clock": False,
            "concurrency": 1,
            "profiles": [],
            "resetIsClean": True,
        },
    }


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
    audience = set(params["audience"])
    parsed = [JwtBundle.parse(TrustDomain(name), text.encode()) for name, text in params["bundles"].items()]
    bundles = JwtBundleSet({bundle.trust_domain: bundle for bundle in parsed})
    # As the documentation has it: the caller chooses the bundle of the subject.
    subject = JwtSvid.parse_insecure(token, audience).spiffe_id
    bundle = bundles.get_bundle_for_trust_domain(subject.trust_domain)
    svid = JwtSvid.parse_and_validate(token, bundle, audience)
    return {
        "id": str(svid.spiffe_id),
        "audience": sorted(svid.audience),
        "expiry": datetime.fromtimestamp(svid.expiry, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def parse_endpoint(params: dict) -> dict:
    # The library gives back the address whole; here it is only taken apart.
    endpoint = urlsplit(ConfigSetter(params["value"]).get_config().spiffe_endpoint_socket)
    return {"scheme": endpoint.scheme, "address": endpoint.netloc or endpoint.path}


def fingerprints(certificates: Iterable[Certificate]) -> list[str]:
    return [hashlib.sha256(one.public_bytes(Encoding.DER)).hexdigest() for one in certificates]


Operation = Callable[[dict], dict]

OPERATIONS: dict[str, Operation] = {
    "id.parse": parse_id,
    "id.equal": equal_ids,
    "td.parse": parse_trust_domain,
    "svid.parsePem": parse_svid_pem,
    "svid.parseDer": parse_svid_der,
    "bundle.parsePem": parse_bundle_pem,
    "jwks.parse": parse_jwks,
    "jwt.validate": validate_jwt,
    "endpoint.parse": parse_endpoint,
}

LIFECYCLE: dict[str, Operation] = {"hello": hello, "bye": lambda _: {}, "reset": lambda _: {}}


def answer(call: dict) -> dict:
    """The answer to a call, without its id, in one of the four words of the protocol."""
    if call.get("needs"):
        return {"unsupported": {"reason": f"the need {call['needs'][0]}"}}
    operation = OPERATIONS.get(call["op"]) or LIFECYCLE.get(call["op"])
    if operation is None:
        return {"unsupported": {"reason": f"the operation {call['op']}"}}
    try:
        return {"ok": operation(call["params"])}
    except (PySpiffeError, Unacceptable) as error:
        return {"reject": {"code": reason_of(error), "message": str(error)}}
    except Exception as error:  # What the library does not document is no verdict of it.
        return {"fault": {"message": repr(error), "trace": traceback.format_exc()}}


def main() -> None:
    for line in sys.stdin.buffer:
        call = json.loads(line)
        print(json.dumps({"id": call["id"], **answer(call)}), flush=True)


if __name__ == "__main__":
    main()
