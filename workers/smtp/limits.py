"""Limits: how long a transmission waits, phase by phase, and what the operator chose of the client's ways."""

import msgspec

from dispatcher.contracts.outcome import SmtpPhase


class SmtpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long we wait, each for a whole phase (a recipient counts as one), and who we say we are.

    `total_seconds` ends what is before the dot. The answer to the dot has its own time in full: cut short, it makes duplicates.
    A server that stays silent for `doubt_seconds` where it should speak is asked on a second connection whether it speaks the other
    TLS mode.
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
    rset_seconds: float = 5
    total_seconds: float = 900
    doubt_seconds: float = 2
    probe_seconds: float = 5
    ehlo_name: str = "beampost.invalid"
    ca_file: str | None = None
    mechanisms: tuple[str, ...] = ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    chunking: bool = False

    def within(self, seconds: float) -> "SmtpLimits":
        """The same, for a job that has so long to live."""
        return msgspec.structs.replace(self, total_seconds=max(1.0, min(self.total_seconds, seconds)))

    def seconds(self, phase: SmtpPhase) -> float:
        """The time that a phase of the dialogue may take; the body's is for its reply, since its bytes have a floor of their own."""
        by_phase = {
            SmtpPhase.BANNER: self.banner_seconds,
            SmtpPhase.EHLO: self.ehlo_seconds,
            SmtpPhase.TLS: self.tls_seconds,
            SmtpPhase.AUTH: self.auth_seconds,
            SmtpPhase.MAIL: self.mail_seconds,
            SmtpPhase.RCPT: self.rcpt_seconds,
            SmtpPhase.DOT: self.dot_seconds,
        }
        return by_phase.get(phase, self.data_seconds)
