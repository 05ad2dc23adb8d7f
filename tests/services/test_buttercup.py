"""The payment provider over real HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from services.buttercup.server import CUSTOMER_TOKEN, DELAY, Settings, make_app
from services.common.flags import Flags
from services.common.telemetry import make_logger
from tests.services.mesh import running_provider, write_flags

CARD = {"number": "4432801561520454", "cvv": 672, "expiration_year": 2039, "expiration_month": 1}
AMOUNT = {"currency_code": "USD", "units": 1, "nanos": 0}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("buttercup") / "flags.json"
    write_flags(file, {})
    with running_provider(file) as url:
        yield url


def post(url: str, body: Any, token: str = CUSTOMER_TOKEN, **headers: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager() as pool:
        return pool.request(
            "POST", f"{url}/charge", json=body, headers={"Authorization": f"Bearer {token}", **headers}
        )


def test_a_charge_gets_a_receipt(url: str) -> None:
    answer = post(url, {"amount": AMOUNT, "card": CARD})
    assert answer.status == 200
    assert len(answer.json()["transaction_id"]) == 36


def test_a_foreign_token_is_refused(url: str) -> None:
    answer = post(url, {"amount": AMOUNT, "card": CARD}, token="test-20e26e90")
    assert (answer.status, answer.json()) == (401, {"error": "Invalid API Token"})


def test_a_repeated_charge_is_the_same_charge(url: str) -> None:
    body = {"amount": AMOUNT, "card": CARD}
    receipts = [
        post(url, body, **{"Idempotency-Key": key}).json()["transaction_id"] for key in ("a", "a", "b")
    ]
    assert receipts[0] == receipts[1] != receipts[2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "JSON object"),
        ({}, "amount and card"),
        ({"amount": AMOUNT, "card": {**CARD, "number": "12"}}, "card.number"),
        ({"amount": AMOUNT, "card": {**CARD, "number": 4432801561520454}}, "card.number"),
        ({"amount": AMOUNT, "card": {**CARD, "expiration_month": "x"}}, "expiration"),
        ({"amount": {**AMOUNT, "currency_code": "usd"}, "card": CARD}, "currency_code"),
        ({"amount": {**AMOUNT, "units": -1}, "card": CARD}, "amount.units"),
        ({"amount": {**AMOUNT, "nanos": True}, "card": CARD}, "amount.units"),
    ],
)
def test_a_malformed_charge_is_told_why(url: str, body: Any, words: str) -> None:
    answer = post(url, body)
    assert answer.status == 400
    assert words in answer.json()["error"]
    assert "4432801561520454" not in answer.json()["error"]


def test_what_is_no_json_or_too_large_is_refused(url: str) -> None:
    with urllib3.PoolManager() as pool:
        headers = {"Authorization": f"Bearer {CUSTOMER_TOKEN}", "Content-Type": "application/json"}
        assert pool.request("POST", f"{url}/charge", body=b"{", headers=headers).status == 400
        large = b'{"a": "' + b"x" * 20_000 + b'"}'
        assert pool.request("POST", f"{url}/charge", body=large, headers=headers).status in (400, 413)
        assert pool.request("GET", f"{url}/charge", headers=headers).status == 405


def test_health(url: str) -> None:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", f"{url}/_healthz")
    assert (answer.status, answer.data) == (200, b"ok")


def test_it_tells_the_real_state_of_its_delay(url: str) -> None:
    with urllib3.PoolManager() as pool:
        told = pool.request("GET", f"{url}/_flags").json()
    state = {"key": "buttercup_delay_ms", "people": '{"min":1,"max":2}', "synthetic": '{"min":1,"max":2}'}
    assert told == {"service": "buttercup", "flags": [{**state, "error": ""}]}


def test_it_takes_its_time_without_flags(tmp_path: Path) -> None:
    """50 to 250 ms: the largest share of a checkout is the provider's."""
    import time

    with running_provider(None) as url:
        began = time.monotonic()
        post(url, {"amount": AMOUNT, "card": CARD})
        assert time.monotonic() - began >= 0.05


def test_the_flags_are_for_the_holder_of_the_labs_token() -> None:
    """Where LAB_TOKEN is set, whoever lacks it finds no page; charges are as before."""
    settings = Settings(lab_token="t0ken")
    client = make_app(settings, Flags(None, make_logger({}, stream=io.StringIO()), [DELAY])).test_client()

    for given in ("", "Bearer wrong", f"Bearer {CUSTOMER_TOKEN}", "t0ken"):
        assert client.get("/_flags", headers={"Authorization": given}).status_code == 404, given
    answer = client.get("/_flags", headers={"Authorization": "Bearer t0ken"})
    assert answer.json is not None
    assert answer.json["service"] == "buttercup"
    assert client.post("/charge", json={}, headers={"Authorization": "Bearer t0ken"}).status_code == 401
