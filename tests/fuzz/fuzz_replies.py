"""Fuzz replies: what mail servers say, bred by atheris, against the reader and both parts of a talk.

python tests/fuzz/fuzz_replies.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import sys

import atheris

with atheris.instrument_imports(include=["dispatcher", "workers"]):
    from tests.fuzz import bred
    from tests.fuzz.talks import Conversation
    from workers.smtp.reader import MAX_REPLY_BYTES, Garbled, ReplyReader

MOST = 64


def heard(pieces: list[bytes]) -> tuple[list[object], bool]:
    """The replies, and whether what came after them was garbled; no more is held than a piece too much."""
    reader, replies, held = ReplyReader(), [], 0
    try:
        for piece in pieces:
            reader.feed(piece)
            held += len(piece)
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
                held = len(piece)
            assert held <= MAX_REPLY_BYTES + len(piece), "it is kept"
    except Garbled:
        return replies, True
    return replies, False


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
    provider = atheris.FuzzedDataProvider(data)
    setting = bred.setting(provider)
    said = [piece for piece, _ in zip(bred.pieces(provider), range(MOST), strict=False)]
    with bred.told((setting, said)):
        Conversation(setting, said).play()
        odd = [piece for piece in said if piece]
        assert heard(odd) == heard([b"".join(odd)]), "it depends on how it was cut"


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
    atheris.Fuzz()
