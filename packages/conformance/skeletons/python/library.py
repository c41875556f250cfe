"""Stands for your library, so that the adapter runs. Import yours in operations.py and delete this file."""

import re

FORM = re.compile(r"spiffe://([a-z0-9._-]{1,255})((?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)*)\Z")


class SpiffeIdError(ValueError):
    pass


class SpiffeId:
    def __init__(self, trust_domain, path):
        self.trust_domain, self.path = trust_domain, path

    @classmethod
    def parse(cls, text):
        match = FORM.match(text)
        if match is None or len(text) > 2048:
            raise SpiffeIdError(f"no SPIFFE ID: {text!r}")
        return cls(*match.groups())

    def __str__(self):
        return f"spiffe://{self.trust_domain}{self.path}"
