"""What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here."""

import base64

from library import SpiffeId, SpiffeIdError

IMPLEMENTATION = {"name": "my-spiffe", "version": "0.1.0", "language": "python"}
CAPABILITIES = {}


class Rejected(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def rejecting(operation):
    """The library's own error is its verdict; every other one is a fault."""

    def run(params):
        try:
            return operation(params)
        except SpiffeIdError as error:
            raise Rejected("unknown", str(error)) from error

    return run


@rejecting
def parse_id(params):
    text = params["id"] if "id" in params else base64.b64decode(params["idB64"]).decode("utf-8", "replace")
    spiffe_id = SpiffeId.parse(text)
    return {
        "id": str(spiffe_id),
        "trustDomain": spiffe_id.trust_domain,
        "path": spiffe_id.path,
        "segments": spiffe_id.path.split("/")[1:],
    }


OPERATIONS = {"id.parse": parse_id}
