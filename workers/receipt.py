"""Receipt: all that a mail server said of one message, as a document that the submitter alone will read."""

from collections.abc import Iterator
from itertools import chain, repeat
from typing import Final

import msgspec

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.documents import moment
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Outcome, SmtpPhase
from dispatcher.contracts.receipt_seal import LENGTH_BYTES, SEAL_BYTES
from workers.smtp.transcript import Said, Transcript

SHORTER_TEXTS: Final = (4096, 512, 64, 0)  # characters of each reply, until all of them fit


def document(claim: Claim, envelope: Envelope, transcript: Transcript, outcome: Outcome, most_bytes: int) -> bytes:
    """JSON; where the replies are too long together each is cut, so that who was refused is told in any case."""
    written = b""
    for characters in SHORTER_TEXTS:
        written = msgspec.json.encode(_facts(claim, envelope, transcript, outcome, characters))
        if len(written) + SEAL_BYTES + LENGTH_BYTES <= most_bytes:
            break
    return written


def _facts(claim: Claim, envelope: Envelope, transcript: Transcript, outcome: Outcome, characters: int) -> dict[str, object]:
    failure = outcome.failure
    return {
        "time": moment(claim.present_ms),
        "attempt": claim.attempt,
        "server": {"name": transcript.host, "port": transcript.port, "tls": transcript.tls_version},
        "replies": [{"phase": said.phase, "milliseconds": said.milliseconds} | _reply(said, characters) for said in _around(transcript)],
        "recipients": list(_recipients(envelope, transcript, outcome, characters)),
        "failure": failure and {"class": failure.failure_class, "phase": failure.phase},
    }


def _around(transcript: Transcript) -> list[Said]:
    """The last reply of each phase, in their order: what a challenge or a reset was answered with is of no use to anybody."""
    around = [said for said in transcript.replies if said.phase is not SmtpPhase.RCPT]
    last = {said.phase: said for said in around}
    return [said for said in around if last[said.phase] is said]


def _recipients(envelope: Envelope, transcript: Transcript, outcome: Outcome, characters: int) -> Iterator[dict[str, object]]:
    """In the order in which they were named to the server; without a reply when it did not come so far."""
    replies = (said for said in transcript.replies if said.phase is SmtpPhase.RCPT)
    for (address, indexes), said in zip(envelope.recipients, chain(replies, repeat(None)), strict=False):
        for index in indexes:
            yield {"index": index, "address": address, "fate": outcome.fates[index].name.lower()} | _reply(said, characters)


def _reply(said: Said | None, characters: int) -> dict[str, object]:
    if said is None:
        return {"code": None, "enhanced_code": None, "text": None}
    return {"code": said.code, "enhanced_code": said.enhanced_code, "text": said.text[:characters]}
