"""Webhook: admitted by the rules of the door, and signed as any library of Standard Webhooks verifies it."""

from base64 import b64encode
from ipaddress import ip_network

import pytest

from dispatcher.contracts.job import Callback
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.webhook import complaints, signed, signing_key

URL = "https://integration.example.com/hook"
SECRET = "whsec_c2VjcmV0IG9mIGEgY2FsbGVyJ3MgaG9vaw=="
NAMED = SharedSettings(egress_allow_networks=(ip_network("10.0.0.0/8"),))


def found(url: str = URL, secret: str = SECRET, settings: SharedSettings | None = None) -> list[tuple[str, str]]:
    return list(complaints(Callback(url=url, secret=secret), settings or SharedSettings()))


@pytest.mark.parametrize(
    ("url", "codes", "codes_where_named"),
    [
        (URL, [], []),
        ("https://integration.example.com:443/hook?a=b%20c", [], []),
        ("HTTPS://Integration.Example.com", [], []),
        ("https://integration.example.com:8443/", ["host_forbidden"], []),
        ("https://10.0.0.1:8443/", ["host_forbidden"], []),
        ("https://192.168.0.1/", ["host_forbidden"], ["host_forbidden"]),
        ("https://93.184.216.34/", ["host_forbidden"], ["host_forbidden"]),
        ("https://[::1]/", ["host_forbidden"], ["host_forbidden"]),
        ("http://integration.example.com/", ["not_allowed"], ["not_allowed"]),
        ("https://user@integration.example.com/", ["not_allowed"], ["not_allowed"]),
        ("https://user:word@integration.example.com/", ["not_allowed"], ["not_allowed"]),
        ("", ["not_allowed"], ["not_allowed"]),
    ],
)
def test_a_callback_goes_by_https_to_the_web_or_to_a_network_that_the_operator_names(
    url: str, codes: list[str], codes_where_named: list[str]
) -> None:
    assert found(url) == [("/callback/url", code) for code in codes]
    assert found(url, settings=NAMED) == [("/callback/url", code) for code in codes_where_named]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "telltale",
        "a secret in plain words, which is long enough",
        SECRET.removeprefix("whsec_"),
        SECRET[:-1],
        SECRET.replace("_", "_ "),
        SECRET[:-2] + "ü=",
        "whsec_" + b64encode(bytes(23)).decode(),
        "whsec_" + b64encode(bytes(65)).decode(),
    ],
)
def test_a_secret_is_24_to_64_bytes_in_the_spelling_of_the_standard(secret: str) -> None:
    assert found(secret=secret) == [("/callback/secret", "not_allowed")]


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_stands_for_its_bytes(length: int) -> None:
    key = bytes(range(length))
    assert signing_key(f"whsec_{b64encode(key).decode()}") == key


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert found("http://x.example/", "x") == [("/callback/url", "not_allowed"), ("/callback/secret", "not_allowed")]


def test_a_body_is_signed_as_the_library_of_the_standard_signs_it() -> None:
    headers = signed(SECRET, "01M85PB49B2YWGG0V333KHQVXA-1763951535000", 1_763_951_540, b'{"state":"sent"}')
    assert headers == (
        ("webhook-id", "01M85PB49B2YWGG0V333KHQVXA-1763951535000"),
        ("webhook-timestamp", "1763951540"),
        ("webhook-signature", "v1,qbn9UcsnIfg4Ed4lce99RwfjyJB62yDGMunADqoFDoE="),  # standardwebhooks 1.1.0 for Python
    )
