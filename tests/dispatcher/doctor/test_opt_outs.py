"""Opt-outs: each setting that gives something away, and none that does not."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.findings import State
from dispatcher.doctor.opt_outs import AUTHORITIES, opt_outs


def told(settings: SharedSettings) -> dict[str, State]:
    """What is not green."""
    return {finding.name: finding.state for finding in opt_outs(settings) if finding.state is not State.GREEN}


def ending_in(path: Path, days: int) -> WorkerSettings:
    """With one authority, which ends an hour later than that."""
    ends, name = dt.datetime.now(dt.UTC) + dt.timedelta(days=days, hours=1), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ours")])
    key, began = ed25519.Ed25519PrivateKey.generate(), ends - dt.timedelta(days=90)
    authority = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), began, ends)
    signed = authority.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, None)
    path.write_bytes(signed.public_bytes(Encoding.PEM))
    return WorkerSettings(simulator=False, smtp_ca_file=path)


def test_the_defaults_give_away_nothing_but_that_the_simulator_is_there() -> None:
    assert told(SharedSettings()) == {"simulator": State.YELLOW}


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("mail in clear", {"allow_plaintext": True}),
        ("way to redis", {"redis_url": "redis://cache.example.org"}),
        ("way to redis", {"redis_url": "sentinel://10.0.0.1,10.0.0.2/mails"}),
        ("private networks", {"egress_allow_networks": "10.0.0.0/8"}),
        ("redis check", {"redis_check": "acknowledged"}),
        ("log level", {"log_level": "DEBUG"}),
    ],
)
def test_each_opt_out_is_told(name: str, setting: dict[str, object]) -> None:
    assert told(SharedSettings.model_validate({"simulator": False} | setting)) == {name: State.YELLOW}


@pytest.mark.parametrize(
    "setting",
    [
        {"redis_url": "rediss://cache.example.org"},
        {"redis_url": "sentinel://10.0.0.1/mails?tls=true"},
        {"redis_url": "unix:///run/redis.sock"},
        {"redis_url": "redis://localhost"},
        {"redis_url": "redis://[::1]:6380"},
        {"redis_url": "unix://beampost-api@/run/redis.sock", "redis_password_file": "/nowhere"},
        {"sentry_dsn": "https://key@sentry.example.org/1"},
    ],
)
def test_what_is_no_opt_out_is_not_told(setting: dict[str, object]) -> None:
    assert told(SharedSettings.model_validate({"simulator": False} | setting)) == {}


def test_elsewhere_than_in_production_a_simulator_and_a_talkative_log_are_fine() -> None:
    assert told(SharedSettings(environment="staging", log_level="DEBUG")) == {}


@pytest.mark.parametrize(("days", "expected"), [(15, {}), (13, {AUTHORITIES: State.YELLOW}), (-1, {AUTHORITIES: State.RED})])
def test_an_authority_that_ends_is_told_two_weeks_before(tmp_path: Path, days: int, expected: dict[str, State]) -> None:
    assert told(ending_in(tmp_path / "ca.pem", days)) == expected


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_of_authorities_that_holds_none_is_red(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    assert told(WorkerSettings(simulator=False, smtp_ca_file=tmp_path / "ca.pem")) == {AUTHORITIES: State.RED}
