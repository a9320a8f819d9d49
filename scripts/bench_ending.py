"""The parts `ending` and `ending-postgres` of `make bench`: leases that end by themselves."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import bench_report
import bench_servers
import postgres
from bench_report import Row, at_least, at_most
from bench_servers import Postgres

Rows = Generator[Row, None, None]

LEASES, MINUTE = 100_000, 60
"""The bar of what ends: so many leases within so many seconds, on one node."""
PEOPLE = 1000


def ending(leases: int, seconds: float) -> Rows:
    """Leases that end by themselves, at the rate of the bar and all of them within one second."""
    for within in (leases * MINUTE / LEASES, 1):
        with bench_servers.scratch() as folder:
            yield from ended("SQLite", leases, seconds, folder, "", within)


def ending_postgres(leases: int, seconds: float) -> Rows:
    for within in (leases * MINUTE / LEASES, 1):
        with bench_servers.scratch() as folder, postgres.private_server(durable=True) as url:
            database = Postgres(url).new_database()
            yield from ended("PostgreSQL", leases, seconds, folder, database, within)


def ended(
    engine: str, leases: int, seconds: float, folder: Path, database: str, within: float
) -> Rows:
    """How late they are closed, by the log; who asks and decides meanwhile beside a calm server.

    Whatever is lost, ends twice or ends before its time is bad, and the part void.
    """
    part = f"{engine}, {leases:,} leases end within {within:g} s"
    with bench_servers.indent(folder, database, people=PEOPLE) as indent:
        bench_servers.warm_up(indent, None)
        how = ("--leases", str(leases), "--within", f"{within}s", "--people", str(PEOPLE))
        result = bench_servers.good(
            indent.measure("--mode", "ending", "--duration", f"{max(seconds, 2)}s", *how)[0]
        )
    rate, times = result["perSecond"], result["times"]
    least = LEASES / MINUTE
    note = f"{bench_report.show(result['server']['cpuMillisecondsEach'])} ms of processor time each"
    if within > 1:
        yield Row(part, "ended and closed", rate, "/s", note=note)
        bar, met = "1,000 ms", at_most(times["whole"]["max"], 1000)
        yield from late_rows(part, times["whole"], bar, met)
    else:
        bar, met = f"{least:,.0f}/s", at_least(rate, least)
        yield Row(part, "ended and closed", rate, "/s", bar=bar, met=met, note=note)
        yield from late_rows(part, times["whole"])
    for step, name in (("create", "created"), ("wake", "decision sent to waiter returned")):
        for share in ("p50", "p99"):
            busy, calm = times[f"other {step}"][share], times[f"calm {step}"][share]
            what = f"others meanwhile: {name}, {share}"
            yield Row(part, what, busy, "ms", calm, note="beside it: before anything ended")


def late_rows(part: str, late: dict[str, float], bar: str = "", met: bool | None = None) -> Rows:
    for share in ("p50", "p99"):
        yield Row(part, f"from the end until it is closed, {share}", late[share], "ms")
    what = "from the end until it is closed, the last"
    yield Row(part, what, late["max"], "ms", bar=bar, met=met)
