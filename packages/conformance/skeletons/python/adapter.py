"""Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here."""

import json
import sys

from operations import CAPABILITIES, IMPLEMENTATION, OPERATIONS, Rejected


def answer(call):
    op, params = call["op"], call["params"]
    if call.get("needs"):
        # Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
        return {"unsupported": {"reason": f"needs {call['needs']}"}}
    if op == "hello":
        if 1 not in params["protocol"]:
            return {"reject": {"code": "unknown", "message": "this adapter speaks protocol 1"}}
        capabilities = {"ops": sorted(OPERATIONS), **CAPABILITIES}
        return {"ok": {"protocol": 1, "implementation": IMPLEMENTATION, "capabilities": capabilities}}
    if op in ("bye", "reset"):
        return {"ok": {}}
    if op not in OPERATIONS:
        return {"unsupported": {"reason": f"no {op}"}}
    try:
        return {"ok": OPERATIONS[op](params)}
    except Rejected as rejected:  # the library looked and said no
        return {"reject": {"code": rejected.code, "message": str(rejected)}}
    except Exception as error:  # anything else is no verdict
        return {"fault": {"message": repr(error)}}


# In bytes, since text would also end lines at U+2028. The loop ends when the input does.
for line in sys.stdin.buffer:
    call = json.loads(line)
    sys.stdout.write(json.dumps({"id": call["id"], **answer(call)}) + "\n")
    sys.stdout.flush()
