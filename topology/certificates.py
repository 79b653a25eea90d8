"""Owns certificates for a cluster that lasts as long as a rehearsal or a test.

Invariant: files are readable by their owner alone; every call makes an authority of its own, which no other trusts.
Does not know who uses them. Made by trustme, for no real cluster: docs/cluster.md says how to make those.
"""

from pathlib import Path

import trustme

from nightsort.config.compute import Tls

_HERE = ("127.0.0.1", "::1", "localhost")


def issue(folder: Path, *names: str) -> Tls:
    """Write ca.pem, cert.pem and key.pem into a folder that is made, 0700, if it is not there.

    :param names: host names and addresses that the certificate is for, besides those of this machine
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert(*_HERE, *names)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    contents = {"ca": authority.cert_pem.bytes(), "cert": chain, "key": issued.private_key_pem.bytes()}
    places = {name: folder / f"{name}.pem" for name in contents}
    for name, place in places.items():
        place.touch(mode=0o600)  # before there is a key in it
        place.write_bytes(contents[name])
    return Tls(**{name: str(place) for name, place in places.items()})
