"""Sources of the Workload API."""

import time
from itertools import count
from threading import Event, RLock, Thread

from spiffe import JwtSource, WorkloadApiClient, X509Source
from spiffe.errors import PySpiffeError
from spiffe.workloadapi.x509_context import X509Context

import workload
from operations import fingerprints, validated
from reasons import reason_of
from tell import tell

LOOK_SECONDS = 0.01
"""How often to look: the library tells of updates, and not of what ends a source."""

_open: dict[str, "OpenSource | JwtSource"] = {}
_numbers = count(1)


class OpenSource:
    """A source of X.509-SVIDs that a call opened: it tells of updates, and can be waited for."""

    def __init__(self, handle: str, address: str | None) -> None:
        self.handle = handle
        # A client of our own, since a source that has no SVID yet can be closed by nothing else.
        self.client = WorkloadApiClient(address)
        self.source: X509Source | None = None
        self.error: PySpiffeError | None = None
        self.generation = 0
        self.closed = False
        self.lock = RLock()
        self.answered = Event()
        Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        self.answered.wait()
        try:
            source = X509Source(workload_api_client=self.client)
        except PySpiffeError as error:
            self.error = error
            return
        self.source = source
        source.subscribe_for_updates(self._updated)
        self._updated()

    def _updated(self) -> None:
        # With the lock held: no event comes after the answer to the call that closes it.
        with self.lock:
            self.generation += 1
            if not self.closed:
                tell({"event": "source.update", "handle": self.handle, "data": self.snapshot()})

    def snapshot(self) -> dict:
        if self.closed:
            return {"state": "closed", "generation": self.generation, "bundles": {}}
        try:
            if self.error is not None:
                raise self.error
            described = describe(self.source.get_x509_context()) if self.source else {"state": "waiting", "bundles": {}}
            return {**described, "generation": self.generation}
        except PySpiffeError as error:
            told = {"code": reason_of(error), "message": str(error)}
            return {"state": "failed", "generation": self.generation, "bundles": {}, "lastError": told}

    def close(self) -> None:
        with self.lock:
            self.closed = True
        if self.source is not None:
            self.source.close()
        self.client.close()


def open_source(params: dict) -> dict:
    number = next(_numbers)
    if params["kind"] == "workloadApi":
        handle = f"s{number}"
        _open[handle] = OpenSource(handle, params.get("address"))
    elif params["kind"] == "workloadApiJwt":
        handle = f"j{number}"
        _open[handle] = JwtSource(socket_path=params["address"])
    else:
        raise ValueError(f"kind: {params['kind']}")
    return {"handle": handle}


def begin(opened: dict) -> None:
    """The answer to the call that opened a source was written."""
    source = _open[opened["handle"]]
    if isinstance(source, OpenSource):
        source.answered.set()


def get(params: dict) -> dict:
    return _open[params["handle"]].snapshot()


def wait(params: dict) -> dict:
    source = _open[params["handle"]]
    end = time.monotonic() + params["timeoutMs"] / 1000
    while True:
        snapshot = source.snapshot()
        met = is_met(params["until"], snapshot)
        if met or time.monotonic() > end:
            return {"met": met, **snapshot}
        time.sleep(LOOK_SECONDS)


def close(params: dict) -> dict:
    _open.pop(params["handle"]).close()
    return {}


def close_all(_: dict) -> dict:
    while _open:
        _open.popitem()[1].close()
    return {}


def fetch_jwt(params: dict) -> dict:
    return workload.describe(_open[params["handle"]].fetch_svid(*workload.request(params)))


def validate_jwt(params: dict) -> dict:
    source = _open[params["handle"]]
    svid = validated(params["token"], {params["audience"]}, source.get_bundle_for_trust_domain)
    return {"id": str(svid.spiffe_id)}


def describe(context: X509Context) -> dict:
    svid = context.default_svid
    chain = fingerprints(svid.cert_chain)
    bundles = context.x509_bundle_set.bundles
    return {
        "state": "ready",
        "id": str(svid.spiffe_id),
        "leafSha256": chain[0],
        "chainSha256": chain,
        "bundles": {one.trust_domain.name: fingerprints(one.x509_authorities) for one in bundles},
    }


def is_met(until: dict, snapshot: dict) -> bool:
    if "leafSha256" in until:
        return snapshot.get("leafSha256") == until["leafSha256"]
    if "bundle" in until:
        bundle = until["bundle"]
        return set(snapshot["bundles"].get(bundle["trustDomain"], [])) == set(bundle["sha256"])
    if until.get("error"):
        return "lastError" in snapshot
    return snapshot["state"] == until["state"]
