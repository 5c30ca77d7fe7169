"""Software: whether Python and the libraries are what we ask for."""

import ssl
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from packaging.requirements import Requirement

from dispatcher.doctor.findings import Finding, green, red, yellow

# From here on without the flaws of the email module that forge headers (CVE-2024-6923, CVE-2023-27043), on which nothing of ours relies.
PATCHED: Final = {(3, 11): 10, (3, 12): 5}


def software() -> list[Finding]:
    return [python(sys.version_info[:3]), libraries(requires("beampost") or [])]


def python(running: tuple[int, int, int]) -> Finding:
    """Of this version."""
    seen = ".".join(map(str, running)) + f", {ssl.OPENSSL_VERSION.rsplit(' ', 3)[0]}"
    least = PATCHED.get(running[:2], 0)
    if running[2] < least:
        return yellow(
            "Python",
            f"{seen}: its email module forges headers; none of ours relies on it",
            f"take {running[0]}.{running[1]}.{least} or newer",
        )
    return green("Python", seen)


def libraries(asked: list[str]) -> Finding:
    """By what the package asks for, extras left out."""
    wanted = [Requirement(line) for line in asked]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = sorted(one.name for one in wanted if not _there(one))
    if wrong:
        return red("libraries", f"not as we ask for: {', '.join(wrong)}", "install by requirements/*.lock")
    return green("libraries", f"{len(wanted)}, each in its range; cryptography {version('cryptography')}")


def _there(wanted: Requirement) -> bool:
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False
