"""One time: the key of one question, to which its answer is sealed (HPKE, RFC 9180)."""

from typing import Final

from dispatcher.contracts.suites import SUITES
from dispatcher.contracts.wire import ANSWER_CONTEXT

SUITE: Final = SUITES["x25519"]


class OneTimeKey:
    """For one answer to one question: who asks has the private half, and who answers is told the public one."""

    def __init__(self) -> None:
        self.public, self._private = SUITE.pair()

    def open(self, sealed: bytes, question_id: str) -> bytes:
        """The answer; raises SealBroken when it is not one to this question, sealed to this key."""
        return SUITE.opened(sealed, self._private, _answer_info(question_id))


def seal_answer(opened: bytes, one_time_key: bytes, question_id: str) -> bytes:
    """Sealed to whoever asked; raises SealBroken when the key is none."""
    return SUITE.sealed(opened, one_time_key, _answer_info(question_id))


def _answer_info(question_id: str) -> bytes:
    return f"{ANSWER_CONTEXT}\0{question_id}".encode()
