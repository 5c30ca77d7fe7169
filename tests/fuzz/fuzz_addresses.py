"""Fuzz addresses: texts, bred by atheris, at the door; what is let in goes all the way to a mail server, and reads back as it was meant.

python tests/fuzz/fuzz_addresses.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import sys

import atheris

with atheris.instrument_imports(include=["dispatcher", "workers"]):
    from dispatcher.contracts.address import addr_spec, host_name
    from dispatcher.contracts.job import Job
    from tests.fuzz import bred
    from tests.fuzz.journeys import PLACES, submission, travel


def assert_one_grammar(text: str) -> None:
    """What a canonical form is made of is its own canonical form."""
    for canonical in (addr_spec, host_name):
        found = canonical(text)
        assert found is None or canonical(found) == found


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
    provider = atheris.FuzzedDataProvider(data)
    address = bred.address(provider)
    with bred.told(address):
        assert_one_grammar(address)
        assert_one_grammar(address.rpartition("@")[2])
        posted = submission({place: [address] for place in PLACES})
        assert (posted is not None) == (addr_spec(address) is not None and len(address) <= 254)
        if posted is not None:
            travel(Job(posted, "<1@example.org>"))
            travel(Job(posted, "<1@example.org>").sent_from("wiki@example.net"))


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
    atheris.Fuzz()
