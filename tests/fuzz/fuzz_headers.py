"""Fuzz headers: names, subjects and file names, bred by atheris, through the composer with and without the door before it.

python tests/fuzz/fuzz_headers.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import sys

import atheris

with atheris.instrument_imports(include=["dispatcher", "workers"]):
    from dispatcher.contracts.job import Job
    from dispatcher.contracts.mail import Mailbox
    from tests.fuzz import bred
    from tests.fuzz.journeys import PLACES, submission, travel
    from workers import headers

WANTED = {"From": "jane@example.com", "To": "max@example.org"}


def assert_block(words: list[str]) -> None:
    """Not even what no door has seen adds a field or a line."""
    boxes = [(field, headers.mailbox(Mailbox(address=address, name=words[0]))) for field, address in WANTED.items()]
    disposition = "attachment" + headers.parameter("filename", words[2])
    block = headers.block([*boxes, ("Subject", headers.text(words[1])), ("Content-Disposition", disposition)])
    assert block.isascii()
    fields = [line.partition(b":")[0] for line in block.split(b"\r\n")[:-2] if not line.startswith(b" ")]
    assert fields == [b"From", b"To", b"Subject", b"Content-Disposition"]


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
    provider = atheris.FuzzedDataProvider(data)
    words = [bred.text(provider) for _ in range(6)]
    with bred.told(words):
        assert_block(words)
        posted = submission(
            {place: [f"{place}@example.org"] for place in PLACES},
            (words[0], words[3]),
            subject=words[1],
            site={"url": "https://acme.example/wiki", "name": words[4]},
            layout={"subject_prefix": words[5]},
            parts=[{"id": "1", "name": words[2], "type": "application/pdf", "role": "attachment", "content": "eA=="}],
        )
        if posted is not None:
            travel(Job(posted, "<1@example.org>"))
            travel(Job(posted, "<1@example.org>").sent_from("wiki@example.net"))


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
    atheris.Fuzz()
