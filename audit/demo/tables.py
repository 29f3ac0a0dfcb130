"""Seeded raw tables of the demo: a later edition holds an earlier one's rows and more."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

_CATEGORY_RISK = {
    "electronics": 0.8,
    "fuel": -0.6,
    "grocery": -1.0,
    "online": 0.7,
    "travel": 0.3,
}


def _chance(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def _customers(edition: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(20260401)  # noqa: S311
    for number in range(540 + 60 * edition):
        tenure = 1 + int(draw.expovariate(1 / 55))
        products = draw.choice((1, 1, 1, 2, 2, 3, 4))
        payments = int(draw.gammavariate(2.0, 9.0))
        complaints = draw.choice((0, 0, 0, 0, 1, 1, 2, 3))
        channel = draw.choice(("app", "app", "branch", "phone"))
        score = 0.9 * complaints - 0.6 * products - 0.012 * tenure - 0.03 * payments
        score += 0.4 * (channel == "phone") + draw.gauss(0.6, 0.5)
        yield {
            "customer_id": f"C{100000 + number}",
            "tenure_months": tenure,
            "products": products,
            "balance_eur": f"{draw.lognormvariate(7.4, 1.1):.2f}",
            "card_payments_90d": payments,
            "complaints_12m": complaints,
            "channel": channel,
            "churned": int(draw.random() < _chance(score)),
        }


def _all_transactions(count: int) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield so many transactions, each with its label."""
    draw = random.Random(20260402)  # noqa: S311
    booked = dt.datetime(2026, 1, 2, 6, 0, tzinfo=dt.UTC)
    for number in range(count):
        booked += dt.timedelta(minutes=1 + draw.expovariate(1 / 140))
        category = draw.choice(sorted(_CATEGORY_RISK))
        amount = draw.lognormvariate(3.4, 1.0)
        present = int(draw.random() < (0.2 if category == "online" else 0.8))
        gap = 1 + int(draw.expovariate(1 / 300))
        night = booked.hour >= 22 or booked.hour < 6
        score = 1.1 * _CATEGORY_RISK[category] + 1.2 * night - 1.4 * present
        score += 0.7 * math.log(amount) - 0.002 * gap - 4.2 + draw.gauss(0, 0.4)
        row = {
            "transaction_id": f"T{500000 + number}",
            "booked_at": f"{booked:%Y-%m-%dT%H:%M:%S}",
            "amount_eur": f"{amount:.2f}",
            "category": category,
            "card_present": present,
            "minutes_since_previous": gap,
        }
        yield row, int(draw.random() < _chance(score))


def _transactions(edition: int) -> Iterator[dict[str, Any]]:
    return (row for row, _ in _all_transactions(700 + 100 * edition))


def _labels(edition: int) -> Iterator[dict[str, Any]]:
    """Labels come in late: an edition leaves the newest transactions without one."""
    for row, label in _all_transactions(620 + 80 * edition):
        yield {"transaction_id": row["transaction_id"], "charged_back": label}


def _vendor_feed(edition: int) -> Iterator[dict[str, Any]]:
    for category, risk in _CATEGORY_RISK.items():
        yield {"category": category, "risk": f"{_chance(risk + edition / 100):.3f}"}


_TABLES: dict[str, Callable[[int], Iterator[dict[str, Any]]]] = {
    "customers.csv": _customers,
    "transactions.csv": _transactions,
    "labels.csv": _labels,
    "vendor_feed.csv": _vendor_feed,
}


def table(name: str, edition: int) -> str:
    """Return one edition of a raw table as CSV text; the same each time."""
    rows = list(_TABLES[name](edition))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
