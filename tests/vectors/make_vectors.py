"""Makes seal.json anew: keys, bindings, and what was sealed under them, for whoever writes a client of her own."""

import json
from pathlib import Path

from dispatcher.contracts.job import Enclosed, Terms
from dispatcher.contracts.keyring import Key
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.suites import SUITES
from dispatcher.contracts.wire import ANSWER_CONTEXT

TEXTS = {"empty": b"", "short": b'{"subject": "Release notes"}', "umlauts": "Grüße aus Köln ✓".encode(), "long": b"page " * 60}
OUTER = Binding("Hk2uYx0Jc0m3q9d1nZ5v7w", "01JDEXAMPLE00000000000000A", 1_764_000_000_000)


def vectors() -> list[dict[str, str]]:
    made: list[dict[str, str]] = []
    for suite in SUITES.values():
        public, private = suite.pair()
        kid = Key.of(suite, public).kid
        bindings = {
            "end to end": Enclosed(b"", kid, "acme", "order-4711-mail-1", Terms()).info,
            "job": OUTER.info(kid),
            "answer": f"{ANSWER_CONTEXT}\0{OUTER.job_id}".encode(),
        }
        for use, info in bindings.items():
            for name, opened in TEXTS.items():
                sealed = suite.sealed(opened, public, info)
                facts = {"public": public, "private": private, "info": info, "opened": opened, "sealed": sealed}
                made.append(
                    {"suite": suite.name, "use": use, "text": name, "kid": kid} | {key: value.hex() for key, value in facts.items()}
                )
    return made


if __name__ == "__main__":
    (Path(__file__).parent / "seal.json").write_text(json.dumps(vectors(), indent=1) + "\n")
