"""Answers the calls of the conformance kit with py-spiffe: one JSON object per line in, one out.

It adds no check, no retry and no normalisation of its own.
"""

import json
import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from threading import Thread

from spiffe.errors import PySpiffeError

import operations
import sources
import workload
from reasons import reason_of
from tell import tell

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
            "sources": ["workloadApi", "workloadApiJwt"],
            "endpoints": ["unix"],
            "options": [],
            "events": ["source.update"],
            "stats": [],
            "resetIsClean": True,
        },
    }


Operation = Callable[[dict], dict]

OPERATIONS: dict[str, Operation] = {
    "id.parse": operations.parse_id,
    "id.equal": operations.equal_ids,
    "td.parse": operations.parse_trust_domain,
    "svid.parsePem": operations.parse_svid_pem,
    "svid.parseDer": operations.parse_svid_der,
    "bundle.parsePem": operations.parse_bundle_pem,
    "jwks.parse": operations.parse_jwks,
    "jwt.validate": operations.validate_jwt,
    "endpoint.parse": operations.parse_endpoint,
    "source.open": sources.open_source,
    "source.get": sources.get,
    "source.wait": sources.wait,
    "source.close": sources.close,
    "source.jwt": sources.fetch_jwt,
    "source.validateJwt": sources.validate_jwt,
    "workload.x509Bundles": workload.fetch_x509_bundles,
    "workload.jwt": workload.fetch_jwt,
    "workload.validateJwt": workload.validate_jwt,
}

LIFECYCLE: dict[str, Operation] = {"hello": hello, "bye": sources.close_all, "reset": sources.close_all}


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


def reply(call: dict) -> None:
    answered = answer(call)
    tell({"id": call["id"], **answered})
    if call["op"] == "source.open" and "ok" in answered:
        sources.begin(answered["ok"])


def main() -> None:
    for line in sys.stdin.buffer:
        call = json.loads(line)
        # Those wait for somebody, and hold up no other. An input that ends ends them.
        if call["op"].startswith(("source.", "workload.")):
            Thread(target=reply, args=(call,), daemon=True).start()
        else:
            reply(call)


if __name__ == "__main__":
    main()
