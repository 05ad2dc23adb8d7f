"""Flags: absent is off, changes are seen while running, a broken file is told, states are the real ones."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protos import lab_pb2, lab_pb2_grpc
from services.common import flags as flags_module, telemetry
from services.common.flags import Flags
from services.common.seat import Shopper
from tests.helpers import eventually
from tests.services.mesh import Mesh, write_flags

PERSON = Shopper()
TEST_SHOPPER = Shopper(synthetic=True)
DELAY = flags_module.delay_flag("cart")
ALL = (
    flags_module.CART_PRICE_TYPO,
    flags_module.PAYMENT_INVALID_TOKEN,
    flags_module.CHECKOUT_STALE_ENDPOINT,
    DELAY,
)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "flags.json"


def opened(file: Path | None, stream: io.StringIO) -> Flags:
    return Flags(file, telemetry.make_logger({}, stream=stream), ALL)


@pytest.fixture
def flags(file: Path, stream: io.StringIO) -> Iterator[Flags]:
    write_flags(file, {})
    flags = opened(file, stream)
    yield flags
    flags.close()


def all_off(flags: Flags) -> bool:
    return (
        not flags.cart_price_typo(PERSON)
        and flags.payment_invalid_token(PERSON) == 0.0
        and not flags.checkout_stale_endpoint(PERSON)
        and flags.delay_range_ms(DELAY, PERSON) == (0.0, 0.0)
    )


def test_without_a_file_everything_is_off(stream: io.StringIO) -> None:
    flags = opened(None, stream)
    assert all_off(flags)
    assert [state.error for state in flags.states()] == [""] * 4


def test_a_missing_file_is_told_and_seen_when_it_comes(file: Path, stream: io.StringIO) -> None:
    flags = opened(file, stream)
    try:
        assert all_off(flags)
        assert "every fault is off" in stream.getvalue()
        write_flags(file, {"cart_price_typo": True})
        eventually(lambda: flags.cart_price_typo(PERSON), "the file that came is read", within_s=3)
    finally:
        flags.close()


def test_changes_are_seen_while_running(flags: Flags, file: Path) -> None:
    assert all_off(flags)
    write_flags(file, {"payment_invalid_token": 1, "cart_delay_ms": {"min": 5, "max": 7}})
    eventually(lambda: flags.payment_invalid_token(PERSON) == 1.0, "the change is seen", within_s=2)
    assert flags.delay_range_ms(DELAY, PERSON) == (5.0, 7.0)
    write_flags(file, {})
    eventually(lambda: all_off(flags), "the change back is seen", within_s=2)


def test_a_change_by_kubernetes_is_seen(tmp_path: Path, stream: io.StringIO) -> None:
    """A mounted ConfigMap: the file is a link through a link to a folder, and that one link is replaced."""
    mount = tmp_path / "flags"
    for name, state in (("first", {}), ("second", {"cart_price_typo": True})):
        (mount / name).mkdir(parents=True)
        write_flags(mount / name / "flags.json", state)
    (mount / "..data").symlink_to("first")
    (mount / "flags.json").symlink_to("..data/flags.json")
    flags = opened(mount / "flags.json", stream)
    try:
        assert all_off(flags)
        (mount / "..data_tmp").symlink_to("second")
        (mount / "..data_tmp").rename(mount / "..data")
        eventually(lambda: flags.cart_price_typo(PERSON), "the new file is read", within_s=5)
    finally:
        flags.close()


def test_people_and_synthetic_shoppers_can_differ(flags: Flags, file: Path) -> None:
    targeted = {
        "state": "ENABLED",
        "variants": {"people": 1.0, "synthetic": 0.75},
        "defaultVariant": "people",
        "targeting": {"if": [{"==": [{"var": "traffic"}, "synthetic"]}, "synthetic", "people"]},
    }
    file.write_text(json.dumps({"flags": {"payment_invalid_token": targeted}}))
    eventually(lambda: flags.payment_invalid_token(PERSON) == 1.0, "the change is seen", within_s=2)
    assert flags.payment_invalid_token(TEST_SHOPPER) == 0.75
    state = {state.key: state for state in flags.states()}["payment_invalid_token"]
    assert (state.people, state.synthetic, state.error) == ("1.0", "0.75", "")


@pytest.mark.parametrize("value", ["much", True, {"a": 1}])
def test_a_value_of_the_wrong_type_is_off_and_says_so(flags: Flags, file: Path, value: Any) -> None:
    write_flags(file, {"payment_invalid_token": value, "cart_price_typo": True})
    eventually(lambda: flags.cart_price_typo(PERSON), "the change is seen", within_s=2)
    state = {state.key: state for state in flags.states()}["payment_invalid_token"]
    if value is True:
        assert flags.payment_invalid_token(PERSON) in (0.0, 1.0)
    else:
        assert flags.payment_invalid_token(PERSON) == 0.0
        assert state.error.startswith("payment_invalid_token cannot be read and is off")


def test_a_file_broken_while_running_keeps_the_last_good_state(
    flags: Flags, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_flags(file, {"cart_price_typo": True})
    eventually(lambda: flags.cart_price_typo(PERSON), "the change is seen", within_s=2)
    file.write_text("{")
    eventually(lambda: "Could not parse" in caplog.text, "the broken file is noticed", within_s=2)
    assert flags.cart_price_typo(PERSON)
    write_flags(file, {})
    eventually(lambda: not flags.cart_price_typo(PERSON), "the mended file is read", within_s=2)


@pytest.mark.parametrize("value", [{"min": 9, "max": 1}, {"min": -1, "max": 1}, {"min": "a", "max": 1}, {}])
def test_a_senseless_delay_is_none(flags: Flags, file: Path, value: Any) -> None:
    write_flags(file, {"cart_delay_ms": value, "cart_price_typo": True})
    eventually(lambda: flags.cart_price_typo(PERSON), "the change is seen", within_s=2)
    assert flags.delay_range_ms(DELAY, PERSON) == (0.0, 0.0)


def test_every_backend_tells_its_own_real_state(broken: Mesh) -> None:
    told = {}
    for service in broken.addresses:
        with broken.stub(service, lab_pb2_grpc.FlagServiceStub) as client:
            answer = client.GetFlags(lab_pb2.GetFlagsRequest())
        assert answer.service == service
        told[service] = {flag.key: flag.people for flag in answer.flags}
    assert told["paymentservice"]["payment_invalid_token"] == "1.0"
    assert told["checkoutservice"]["checkout_stale_endpoint"] == "true"
    nothing = '{"min":0,"max":0}'
    assert told["cartservice"] == {
        "cart_slow_query_ms": nothing,
        "cart_delay_ms": nothing,
        "cart_lost_connections": '{"connections":0,"wait_ms":0}',
    }


def test_the_files_targeting_decides_for_one_seat_and_one_tenant_level(
    file: Path, stream: io.StringIO
) -> None:
    """A student who mended the fault is served healthily; nobody else is touched."""
    rule = {"if": [{"in": [{"var": "seat"}, ["anna", "\u00f8yvind"]]}, "off", "on"]}
    by_tenant = {"if": [{"==": [{"var": "tenant"}, "gold"]}, "slow", "fast"]}
    document = {
        "flags": {
            "cart_price_typo": {
                "state": "ENABLED",
                "variants": {"on": True, "off": False},
                "defaultVariant": "on",
                "targeting": rule,
            },
            DELAY.key: {
                "state": "ENABLED",
                "variants": {"slow": {"min": 800, "max": 900}, "fast": {"min": 0, "max": 0}},
                "defaultVariant": "fast",
                "targeting": by_tenant,
            },
        }
    }
    file.write_text(json.dumps(document), "utf-8")
    flags = opened(file, stream)
    try:
        eventually(lambda: flags.cart_price_typo(PERSON), "the file is read", within_s=3)
        assert not flags.cart_price_typo(Shopper("anna"))
        assert not flags.cart_price_typo(Shopper("\u00f8yvind"))
        assert flags.cart_price_typo(Shopper("ann"))
        assert flags.delay_range_ms(DELAY, Shopper("anna", "gold")) == (800.0, 900.0)
        assert flags.delay_range_ms(DELAY, Shopper("anna", "silver")) == (0.0, 0.0)
        assert [state.people for state in flags.states("anna") if state.key == "cart_price_typo"] == ["false"]
        assert [state.people for state in flags.states() if state.key == "cart_price_typo"] == ["true"]
        gold = {state.key: state for state in flags.states("anna", "gold")}[DELAY.key]
        assert gold.people == gold.synthetic == '{"min":800,"max":900}'
    finally:
        flags.close()
