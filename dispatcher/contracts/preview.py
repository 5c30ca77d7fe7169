"""Preview: what would be mailed for a submission, as a worker tells it to who asked; nothing is mailed."""

import msgspec

from dispatcher.contracts.outcome import Failure, Remark


class PreviewPart(msgspec.Struct, frozen=True):
    """A picture or attachment of the mail; `content_id` is empty where nothing in the HTML shows it. `bytes` before base64."""

    content_id: str
    name: str
    type: str
    bytes: int


class Preview(msgspec.Struct, frozen=True):
    """The two alternatives and all that goes with them; `bytes` are those of the whole mail. With a failure there is nothing else."""

    subject: str = ""
    html: str = ""
    text: str = ""
    parts: tuple[PreviewPart, ...] = ()
    bytes: int = 0
    warnings: dict[Remark, int] = {}
    failure: Failure | None = None

    @classmethod
    def failed(cls, failure: Failure) -> "Preview":
        """Of a submission that no mail can be made of."""
        return cls(failure=failure)
