"""Limits: how long a transmission waits, phase by phase."""

import msgspec

from dispatcher.contracts.outcome import SmtpPhase


class SmtpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long we wait, each for a whole phase (a recipient counts as one), and who we say we are.

    `total_seconds` ends what is before the dot. The answer to the dot has its own time in full: cut short, it makes duplicates.
    """

    connect_seconds: float = 15
    connect_total_seconds: float = 30
    banner_seconds: float = 30
    ehlo_seconds: float = 60
    tls_seconds: float = 15
    auth_seconds: float = 30
    mail_seconds: float = 60
    rcpt_seconds: float = 60
    data_seconds: float = 60
    body_bytes_per_second: float = 500
    dot_seconds: float = 300
    total_seconds: float = 900
    ehlo_name: str = "beampost.invalid"
    ca_file: str | None = None

    def within(self, seconds: float) -> "SmtpLimits":
        """The same, for a job that has so long to live."""
        return msgspec.structs.replace(self, total_seconds=max(1.0, min(self.total_seconds, seconds)))

    def seconds(self, phase: SmtpPhase, message_bytes: int) -> float:
        """The time that a phase of the dialogue may take."""
        by_phase = {
            SmtpPhase.BANNER: self.banner_seconds,
            SmtpPhase.EHLO: self.ehlo_seconds,
            SmtpPhase.TLS: self.tls_seconds,
            SmtpPhase.AUTH: self.auth_seconds,
            SmtpPhase.MAIL: self.mail_seconds,
            SmtpPhase.RCPT: self.rcpt_seconds,
            SmtpPhase.BODY: self.data_seconds + message_bytes / self.body_bytes_per_second,
            SmtpPhase.DOT: self.dot_seconds,
        }
        return by_phase.get(phase, self.data_seconds)
