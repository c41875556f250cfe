"""The Workload API, asked once."""

from spiffe import JwtSvid, SpiffeId, WorkloadApiClient

from operations import fingerprints


def fetch_x509_bundles(params: dict) -> dict:
    with WorkloadApiClient(params["address"]) as client:
        bundles = client.fetch_x509_bundles().bundles
    return {"bundles": {one.trust_domain.name: fingerprints(one.x509_authorities) for one in bundles}}


def fetch_jwt(params: dict) -> dict:
    with WorkloadApiClient(params["address"]) as client:
        return describe(client.fetch_jwt_svid(*request(params)))


def validate_jwt(params: dict) -> dict:
    """The claims that the agent tells are not told by the library."""
    with WorkloadApiClient(params["address"]) as client:
        svid = client.validate_jwt_svid(params["token"], params["audience"])
    return {"id": str(svid.spiffe_id), "delegated": True}


def request(params: dict) -> tuple[set[str], SpiffeId | None]:
    return set(params["audience"]), SpiffeId(params["id"]) if "id" in params else None


def describe(svid: JwtSvid) -> dict:
    return {"id": str(svid.spiffe_id), "token": svid.token}
