"""Hardening: whether memory is wiped and programs are confined, by a trial on this machine and by the settings."""

from typing import Final

from dispatcher.contracts.landlock import version
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.doctor.findings import Finding, green, red, unknown, yellow
from dispatcher.doctor.trial import Trial

LINUX: Final = "Linux 6.7 or newer, and a container whose seccomp profile lets Landlock through; see docs/hardening.md"
GLIBC: Final = "take an image with glibc, and leave PYTHONMALLOC and GLIBC_TUNABLES to us; see docs/hardening.md"


def hardening(settings: SharedSettings, trial: Trial | None) -> list[Finding]:
    """A machine that cannot do what a setting requires is red: there would be no start."""
    return [_wipe(settings, trial), _sandbox(settings, trial)]


def _wipe(settings: SharedSettings, trial: Trial | None) -> Finding:
    if settings.memory_wipe == "off":
        return yellow("memory wipe", "off: what is freed stays readable for a while", "set BEAMPOST_MEMORY_WIPE=auto")
    if trial is None:
        return unknown("memory wipe", "the trial did not end", GLIBC)
    if trial.wipes:
        return green("memory wipe", "what is freed is overwritten")
    graded = red if settings.memory_wipe == "require" else yellow
    return graded("memory wipe", "what is freed is not overwritten here", GLIBC)


def _sandbox(settings: SharedSettings, trial: Trial | None) -> Finding:
    if settings.sandbox == "off":
        return yellow("sandbox", "off: programs of ours may write files", "set BEAMPOST_SANDBOX=auto")
    if trial is None:
        return unknown("sandbox", "the trial did not end", LINUX)
    if not trial.lack:
        return green("sandbox", f"Landlock {version()}: no file could be written")
    graded = red if settings.sandbox == "require" else yellow
    return graded("sandbox", trial.lack, LINUX)
