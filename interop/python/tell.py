"""What the adapter writes."""

import json
from threading import Lock

_writing = Lock()


def tell(message: dict) -> None:
    """Writes one message."""
    with _writing:
        print(json.dumps(message), flush=True)
