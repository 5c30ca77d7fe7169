"""One time: the key of one question, to which its answer is sealed (HPKE, RFC 9180)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.seal import SUITE
from dispatcher.contracts.wire import ANSWER_CONTEXT


class OneTimeKey:
    """For one answer to one question: who asks has the private half, and who answers is told the public one."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, question_id: str) -> bytes:
        """The answer; raises SealBroken when it is not one to this question, sealed to this key."""
        try:
            return SUITE.decrypt(sealed, self._private, info=_answer_info(question_id))
        except (InvalidTag, ValueError):
            raise SealBroken from None


def seal_answer(opened: bytes, one_time_key: bytes, question_id: str) -> bytes:
    """Sealed to whoever asked; raises SealBroken when the key is none."""
    try:
        return SUITE.encrypt(opened, X25519PublicKey.from_public_bytes(one_time_key), info=_answer_info(question_id))
    except ValueError:
        raise SealBroken from None


def _answer_info(question_id: str) -> bytes:
    return f"{ANSWER_CONTEXT}\0{question_id}".encode()
