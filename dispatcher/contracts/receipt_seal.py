"""Receipt seal: what a mail server said of a message, sealed to the submitter's own key, and how she opens what the status shows.

Receipts are kept one after the other: four bytes of length (big-endian), then HPKE's `enc || ciphertext` of a JSON document. A length of
nought stands where one or more were left out.
"""

from collections.abc import Iterator
from typing import Final

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.reader_key import open_with, seal_to
from dispatcher.contracts.wire import RECEIPT_CONTEXT

LENGTH_BYTES: Final = 4
SEAL_BYTES: Final = 48


def seal_receipt(document: bytes, receipt_key: bytes, job_id: str) -> bytes:
    """As it is kept; raises SealBroken when the key is none."""
    sealed = seal_to(receipt_key, document, RECEIPT_CONTEXT, job_id)
    return len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed


def open_receipts(kept: bytes, private_key: bytes, job_id: str) -> list[bytes]:
    """The documents in their order, an empty one where some were left out; raises SealBroken."""
    return [open_with(private_key, sealed, RECEIPT_CONTEXT, job_id) if sealed else b"" for sealed in _parted(kept)]


def _parted(kept: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(kept):
        begin = at + LENGTH_BYTES
        at = begin + int.from_bytes(kept[at:begin], "big")
        if at > len(kept):
            raise SealBroken
        yield kept[begin:at]
