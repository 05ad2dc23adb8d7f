"""Checkouts per second and core, with telemetry and without.

`python -m benchmarks.checkouts`. Two healthy shops run side by side, one with
`OTEL_SDK_DISABLED=true`; short rounds of orders go to each in turn, and each round's
CPU is compared with the other's, so that other load on the machine cancels out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks import shop
from benchmarks.measure import median, quantile, table
from benchmarks.result_line import ResultLine
from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT

TARGET_RATIO = 1.6


@dataclass(frozen=True, slots=True)
class Round:
    """One round of orders at one shop; each order is an add-to-cart and a checkout."""

    orders: int
    wall_s: float
    shop_cpu_s: float
    collector_cpu_s: float
    milliseconds: Sequence[float]

    @property
    def cpu_ms_per_order(self) -> float:
        """CPU of the shop's processes per order."""
        return self.shop_cpu_s / self.orders * 1000

    @property
    def orders_per_core_s(self) -> float:
        """Orders per second of one core, by the CPU of the shop's processes."""
        return self.orders / self.shop_cpu_s


@dataclass(frozen=True, slots=True)
class Result:
    """The rounds with telemetry and without, in pairs."""

    traced: Sequence[Round]
    bare: Sequence[Round]

    def cpu_ratio(self) -> float:
        """The shop's CPU per order, with telemetry to without: the median of the pairs."""
        pairs = zip(self.traced, self.bare, strict=True)
        return median(one.cpu_ms_per_order / other.cpu_ms_per_order for one, other in pairs)

    def cpu_ratio_with_collector(self) -> float:
        """The same with the collector's CPU added."""
        pairs = zip(self.traced, self.bare, strict=True)
        return median(
            (one.shop_cpu_s + one.collector_cpu_s) / one.orders / (other.shop_cpu_s / other.orders)
            for one, other in pairs
        )


class _Customer:
    """Places orders one after the other over one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = RequestsClient()

    def order(self) -> float:
        """Place an order; returns the milliseconds of its checkout. Raises SystemExit when the shop fails."""
        form = {"product_id": DEFAULT_PRODUCT, "quantity": "1"}
        added = self._client.send("POST", f"{self._url}/cart", name="", headers={}, data=form)
        started = time.perf_counter()
        answer = self._client.send(
            "POST", f"{self._url}/cart/checkout", name="", headers={}, data=CHECKOUT_FIELDS
        )
        if added.status != 200 or answer.status != 200:
            raise SystemExit(f"the shop answered {added.status} and {answer.status}: {answer.error}")
        return (time.perf_counter() - started) * 1000


def _round(running: shop.Shop, customers: Sequence[_Customer], orders_each: int) -> Round:
    shop_cpu, collector_cpu = running.shop_cpu_s(), running.collector_cpu_s()
    started = time.perf_counter()
    with ThreadPoolExecutor(len(customers)) as pool:
        took = list(pool.map(lambda one: [one.order() for _ in range(orders_each)], customers))
    wall = time.perf_counter() - started
    # The exporters send what the round caused a moment later; that CPU belongs to it, too.
    time.sleep(0.5)
    return Round(
        sum(map(len, took)),
        wall,
        running.shop_cpu_s() - shop_cpu,
        running.collector_cpu_s() - collector_cpu,
        [each for one in took for each in one],
    )


def measure(rounds: int, customers: int, orders_each: int) -> Result:
    """Measure this number of pairs of rounds. Raises SystemExit when a shop fails."""
    traced: list[Round] = []
    bare: list[Round] = []
    with (
        tempfile.TemporaryDirectory(prefix="hipster-lab-bench-") as folder,
        shop.running(Path(folder) / "traced", telemetry=True) as with_telemetry,
        shop.running(Path(folder) / "bare", telemetry=False) as without,
    ):
        sides = [(with_telemetry, traced), (without, bare)]
        people = {id(side): [_Customer(side.url) for _ in range(customers)] for side, _ in sides}
        for side, _ in sides:
            _round(side, people[id(side)], 2)
        for number in range(rounds):
            for side, results in sides if number % 2 else reversed(sides):
                results.append(_round(side, people[id(side)], orders_each))
    return Result(traced, bare)


def report(result: Result) -> str:
    """Both sides as a table, and their ratio."""
    rows = []
    for name, side in (("with telemetry", result.traced), ("without", result.bare)):
        took = [each for one in side for each in one.milliseconds]
        rows.append(
            (
                name,
                f"{median(one.cpu_ms_per_order for one in side):.1f}",
                f"{median(one.orders_per_core_s for one in side):.1f}",
                f"{median(one.orders / one.wall_s for one in side):.1f}",
                f"{quantile(took, 0.5):.0f}",
                f"{quantile(took, 0.95):.0f}",
            )
        )
    head = ("", "CPU ms/order", "orders per core-second", "orders/s", "p50 ms", "p95 ms")
    return "\n".join(
        [
            table(head, rows),
            "",
            f"CPU with telemetry: {result.cpu_ratio():.2f} times that without "
            f"({result.cpu_ratio_with_collector():.2f} with the collector's); the target is {TARGET_RATIO}",
        ]
    )


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    result = measure(3 if quick else 8, 4, 4 if quick else 15)
    write_line(report(result))
    per_core = median(one.orders_per_core_s for one in result.traced)
    took = [each for one in result.traced for each in one.milliseconds]
    bare = [each for one in result.bare for each in one.milliseconds]
    return [
        ResultLine(
            "checkouts per core and second, with telemetry",
            f"{per_core:.1f}",
            f"{1 / result.cpu_ratio():.2f} of without",
        ),
        ResultLine(
            "CPU of a checkout with telemetry",
            f"{median(one.cpu_ms_per_order for one in result.traced):.0f} ms",
            f"{result.cpu_ratio():.2f} times without",
        ),
        ResultLine(
            "the same, collector included",
            "",
            f"{result.cpu_ratio_with_collector():.2f} times without",
        ),
        *(
            ResultLine(
                f"checkout p{round(share * 100)}, 4 at once",
                f"{quantile(took, share):.0f} ms",
                f"{quantile(took, share) / max(1.0, quantile(bare, share)):.2f} times without",
            )
            for share in (0.5, 0.95)
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkouts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="pairs of rounds (default %(default)s)")
    parser.add_argument("--customers", type=int, default=4, help="customers at once (default %(default)s)")
    parser.add_argument(
        "--orders", type=int, default=15, help="orders per customer and round (default %(default)s)"
    )
    arguments = parser.parse_args(argv)
    print(report(measure(arguments.rounds, arguments.customers, arguments.orders)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
