"""One time: the key of one question, to which its answer is sealed."""

from dispatcher.contracts.reader_key import new_pair, open_with, seal_to
from dispatcher.contracts.wire import ANSWER_CONTEXT


class OneTimeKey:
    """For one answer to one question: who asks has the private half, and who answers is told the public one."""

    def __init__(self) -> None:
        self.public, self._private = new_pair()

    def open(self, sealed: bytes, question_id: str) -> bytes:
        """The answer; raises SealBroken when it is not one to this question, sealed to this key."""
        return open_with(self._private, sealed, ANSWER_CONTEXT, question_id)


def seal_answer(opened: bytes, one_time_key: bytes, question_id: str) -> bytes:
    """Sealed to whoever asked; raises SealBroken when the key is none."""
    return seal_to(one_time_key, opened, ANSWER_CONTEXT, question_id)
