"""`make bench`: Indent against the least that a durable server can do, in the same run.

scripts/bench.py                        every part: all bars, in about a quarter of an hour
scripts/bench.py sqlite parked          only these parts
scripts/bench.py --quick                a direction, in three minutes
scripts/bench.py --write-docs           put the last run's figures into docs/performance.md

Runs of Indent and of what it is compared with take turns, so that a machine that becomes slower
or faster becomes so for both; a ratio is that of a run to the mean of its two neighbours, and what
is told is the median. The figures go to .build/bench.json.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import statistics
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import bench_ending
import bench_report
import bench_servers
import machine
import postgres
import tree
from bench_report import Row, at_least, at_most
from bench_servers import Failed, Floor, Indent, Postgres, good, warm_up

RESULT = tree.BUILD / "bench.json"
PAGE = tree.ROOT / "docs/performance.md"
AT_ONCE = (1, 64, 256)


@dataclass(frozen=True)
class Options:
    parts: Sequence[str]
    seconds: float
    rounds: int
    waiters: int
    sizes: Sequence[int]
    leases: int
    floor: bool


Result = dict[str, Any]
Rows = Generator[Row, None, None]
Measured = TypeVar("Measured")


def sqlite(o: Options) -> Rows:
    """The main job and creation alone, at 1, 64 and 256 at once, beside the floor."""
    part = "SQLite, one node"
    with bench_servers.scratch() as folder, contextlib.ExitStack() as servers:
        floor = servers.enter_context(bench_servers.floor(folder)) if o.floor else None
        indent = servers.enter_context(bench_servers.indent(folder))
        warm_up(indent, floor)
        for mode, theirs, what in (
            ("roundtrip", "rt", "round trips"),
            ("create", "create", "created"),
        ):
            for n in AT_ONCE:
                base, ours, same = beside_floor(o, indent, floor, mode, theirs, n)
                yield rate_row(part, f"{what}, {n} at once", base, ours, same)
                if mode == "roundtrip" and n == max(AT_ONCE):
                    yield from audit_rows(part, ours)


def beside_floor(
    o: Options, indent: Indent, floor: Floor | None, mode: str, theirs: str, n: int
) -> tuple[list[Result], list[Result], list[Result]]:
    """The floor, Indent by `indent bench`, and Indent by the floor's client."""
    same: list[Result] = []

    def ours() -> Result:
        if floor:
            same.append(indent.measure_with_floors_client(theirs, n, o.seconds))
        return good(indent.measure_one(mode, n, o.seconds))

    base, own = take_turns(
        o.rounds, (lambda: floor.measure(theirs, n, o.seconds)) if floor else None, ours
    )
    return base, own, same


def rate_row(
    part: str,
    what: str,
    base: Sequence[Result],
    ours: Sequence[Result],
    same: Sequence[Result],
) -> Row:
    rates, beside = [r["perSecond"] for r in ours], [b["per_s"] for b in base]
    ratio = ratio_of(rates, beside)
    row = Row(part, what, statistics.median(rates), "/s", ratio=ratio, note=whole_times(ours))
    row = dataclasses.replace(row, bar="60 % of the floor", met=at_least(ratio, 0.6))
    if not base:
        return row
    by_them = [s["per_s"] for s in same]
    return dataclasses.replace(
        row,
        beside=statistics.median(beside),
        same_client=statistics.median(by_them),
        same_client_ratio=ratio_of(by_them, beside),
    )


def whole_times(ours: Sequence[Result]) -> str:
    p50 = statistics.median(r["times"]["whole"]["p50"] for r in ours)
    p99 = statistics.median(r["times"]["whole"]["p99"] for r in ours)
    return f"p50 {bench_report.show(p50)} ms, p99 {bench_report.show(p99)} ms"


def audit_rows(part: str, ours: Sequence[Result]) -> Rows:
    n = max(AT_ONCE)
    server = [r["server"] for r in ours]
    events, commits = median(server, "eventsPerSecond"), median(server, "commitsPerSecond")
    changes = median(server, "changesPerSecond")
    what = f"audit events with their changes, round trips, {n} at once"
    yield Row(part, what, events, "/s", bar="8,000/s", met=at_least(events, 8000))
    note = f"{bench_report.show(changes / commits)} changes share one"
    yield Row(part, f"waits for the disk (fsync), {n} at once", commits, "/s", note=note)
    each = median(server, "cpuMillisecondsEach")
    yield Row(part, f"processor time of a round trip, {n} at once", each, "ms")


def parked(o: Options) -> Rows:
    """Many waiters, each server fresh: memory of a process remembers what it did before."""
    k = o.waiters
    part = f"SQLite, {k:,} waiters parked"

    def ours(mode: str = "parked") -> Result:
        with bench_servers.scratch() as folder, bench_servers.indent(folder) as indent:
            return good(indent.measure_one(mode, k, o.seconds))

    def theirs() -> Result:
        with bench_servers.scratch() as folder, bench_servers.floor(folder) as floor:
            return floor.measure("parked", k, o.seconds)

    def same_client() -> Result:
        with bench_servers.scratch() as folder, bench_servers.indent(folder) as indent:
            return indent.measure_with_floors_client("parked", k, o.seconds)

    base, own = take_turns(min(o.rounds, 2), theirs if o.floor else None, ours)
    same = same_client() if o.floor else {}
    for name, most in (("p50", 1), ("p99", 5)):
        value = statistics.median(r["times"]["wake"][name] for r in own)
        beside = median(base, f"wake_{name}_ms") if base else None
        over = value - beside if beside is not None else None
        bar = f"{most} ms over the floor"
        what, by_them = f"decision sent to waiter returned, {name}", same.get(f"wake_{name}_ms")
        met = at_most(over, most)
        yield Row(part, what, value, "ms", beside, bar=bar, met=met, same_client=by_them)
    lost = float(k - min(r["done"] for r in own))
    yield Row(part, "waiters lost", lost, "", bar="none", met=lost == 0)
    memory, whole = memory_of(own)
    beside = median(base, "server_kib_per_waiter") if base else None
    what, met = "memory of a waiter, long-poll", at_most(memory, 20)
    yield Row(part, what, memory, "KiB", bar="20 KiB", met=met)
    what, met = "the same with what making its petition leaves", at_most(whole, 20)
    yield Row(part, what, whole, "KiB", beside, bar="20 KiB", met=met)
    yield Row(part, "waiters let go, 64 decisions at once", median(own, "perSecond"), "/s")
    streams = [ours("stream") for _ in own]
    memory, whole = memory_of(streams)
    what, met = "memory of a waiter, all on one stream", at_most(memory, 4)
    note = f"{bench_report.show(whole)} KiB with what making its petition leaves"
    yield Row(part, what, memory, "KiB", bar="4 KiB", met=met, note=note)
    for name in ("p50", "p99"):
        value = statistics.median(r["times"]["wake"][name] for r in streams)
        yield Row(part, f"decision sent to waiter told on the stream, {name}", value, "ms")


def memory_of(results: Sequence[Result]) -> tuple[float, float]:
    """KiB by waiter: since the petitions were there, and since before they were made.

    The first may reuse what making petitions has left, the second counts that, too; the floor's
    client knows the second only.
    """
    memory = [r["memory"] for r in results]
    return median(memory, "kibPerParking"), median(memory, "kibPerWaiter")


def start(o: Options) -> Rows:
    """From starting the process to the first 200 at /readyz, and memory two seconds later."""
    part = "SQLite, start"
    with bench_servers.scratch() as folder:
        told = bench_servers.start_times(folder, times=2 * o.rounds + 1)
    ready, idle = told["readyMilliseconds"]["p50"], told["idleMiB"]
    yield Row(part, "cold start", ready, "ms", bar="100 ms", met=at_most(ready, 100))
    yield Row(part, "idle memory (PSS)", idle, "MiB", bar="40 MiB", met=at_most(idle, 40))


RAW_HERE, BAR_HERE = 3500, 2000
"""The bar on PostgreSQL: so many round trips where PostgreSQL alone gives so many."""
RAW_CLIENTS = 64
"""A connection is a process there: more of them only stand in each other's way."""


def on_postgres(o: Options) -> Rows:
    """One node and two on PostgreSQL, beside the same transactions without a server between."""
    with (
        bench_servers.scratch() as folder,
        postgres.private_server(durable=True) as url,
        bench_servers.indent(folder, Postgres(url).new_database(), nodes=2) as indent,
    ):
        server = Postgres(url)
        raw = server.prepare_raw()
        part = f"PostgreSQL {server.setting('server_version').split()[0]}"
        warm_up(indent, None)
        for n in AT_ONCE:
            base, ours = take_turns(
                o.rounds,
                lambda n=n: raw.measure(min(n, RAW_CLIENTS), o.seconds),
                lambda n=n: good(indent.measure_one("roundtrip", n, o.seconds)),
            )
            yield raw_row(part, n, base, ours)
        yield from second_node(part, o, indent)


def raw_row(part: str, n: int, base: Sequence[float], ours: Sequence[Result]) -> Row:
    rate, beside = median(ours, "perSecond"), statistics.median(base)
    ratio = ratio_of([r["perSecond"] for r in ours], base)
    bar, met = "", None
    if n == 64:
        share = BAR_HERE / RAW_HERE
        bar, met = f"{share * 100:.0f} % of raw PostgreSQL", at_least(ratio, share)
    what = f"round trips, {n} at once, one node"
    return Row(part, what, rate, "/s", beside, ratio, bar, met, whole_times(ours))


def second_node(part: str, o: Options, indent: Indent) -> Rows:
    """Two nodes beside one that has 64 callers: each with as many, and both with these.

    All share the processors with PostgreSQL and the client. What a node with half of the callers
    costs more (it wakes up as often for half as much) nobody but another machine can pay for, so
    that the second of the two has no bar.
    """
    warm_up(indent, None, nodes=2)
    for at_once, which in ((128, "64 at once on each of two nodes"), (64, "64 on two nodes")):
        one, two = take_turns(
            o.rounds,
            lambda: good(indent.measure_one("roundtrip", 64, o.seconds)),
            lambda n=at_once: good(indent.measure_one("roundtrip", n, o.seconds, nodes=2)),
        )
        rate, beside = median(two, "perSecond"), median(one, "perSecond")
        ratio = ratio_of([r["perSecond"] for r in two], [r["perSecond"] for r in one])
        bar, met = "", None
        if at_once == 128:
            bar, met = "as much as one node", at_least(ratio, 1)
        what = f"round trips, {which}, beside 64 on one"
        yield Row(part, what, rate, "/s", beside, ratio, bar, met, whole_times(two))
    duration, waiters = f"{o.seconds}s", str(min(o.waiters, 400))
    across = indent.measure(
        "--mode", "parked", "--parked", waiters, "--across", "--duration", duration, nodes=2
    )
    wake = good(across[0])["times"]["wake"]
    for name, most in (("p50", 15), ("p99", 50)):
        what = f"decision on one node to waiter returned on the other, {name}"
        met = at_most(wake[name], most)
        yield Row(part, what, wake[name], "ms", bar=f"{most} ms", met=met)


def growth(o: Options) -> Rows:
    for size in o.sizes:
        with bench_servers.scratch() as folder:
            yield from grown(f"SQLite, {size:,} petitions", o, folder, "", size)


def growth_postgres(o: Options) -> Rows:
    for size in o.sizes:
        with bench_servers.scratch() as folder, postgres.private_server(durable=True) as url:
            database = Postgres(url).new_database()
            yield from grown(f"PostgreSQL, {size:,} petitions", o, folder, database, size)


def grown(part: str, o: Options, folder: Path, database: str, size: int) -> Rows:
    """What a server costs that holds so many petitions already; times of lists at the server."""
    with bench_servers.indent(folder, database, petitions=size) as indent:
        words = ",".join(f"rare{n}" for n in range(0, size, max(1000, size // 100)))
        duration = ("--duration", f"{o.seconds}s")
        lists = indent.measure("--mode", "list", "--concurrency", "1", *duration)
        found = indent.measure(
            "--mode", "search", "--words", words, "--concurrency", "1", *duration
        )
        names = {
            "list first": ("page of 50", 2),
            "list next": ("next page", 2),
            "list deep": (f"page behind {min(size, 100_000):,} petitions", 2),
            "search": ("search for a rare word", 5),
        }
        for result in [*lists, *found]:
            what, most = names[good(result)["mode"]]
            at_server = result["server"]["requestMilliseconds"]
            whole = result["times"]["whole"]
            note = f"client: p50 {bench_report.show(whole['p50'])} ms, "
            note += f"p99 {bench_report.show(whole['p99'])} ms"
            met = at_most(at_server, most)
            yield Row(part, what, at_server, "ms", bar=f"{most} ms", met=met, note=note)
        for mode, what in (("roundtrip", "round trips"), ("create", "created")):
            result = good(indent.measure_one(mode, 64, o.seconds))
            note = whole_times([result])
            yield Row(part, f"{what}, 64 at once", result["perSecond"], "/s", note=note)


def ending(o: Options) -> Rows:
    return bench_ending.ending(o.leases, o.seconds)


def ending_postgres(o: Options) -> Rows:
    return bench_ending.ending_postgres(o.leases, o.seconds)


PARTS: dict[str, Callable[[Options], Rows]] = {
    "sqlite": sqlite,
    "parked": parked,
    "start": start,
    "postgres": on_postgres,
    "growth": growth,
    "growth-postgres": growth_postgres,
    "ending": ending,
    "ending-postgres": ending_postgres,
}


def take_turns(
    rounds: int, base: Callable[[], Any] | None, ours: Callable[[], Measured]
) -> tuple[list[Any], list[Measured]]:
    """base, ours, base, ours, …, base."""
    theirs: list[Any] = [base()] if base else []
    own: list[Measured] = []
    for _ in range(rounds):
        own.append(ours())
        if base:
            theirs.append(base())
    return theirs, own


def ratio_of(ours: Sequence[float], base: Sequence[float]) -> float | None:
    """The median of the ratio of each to the mean of its two neighbours."""
    if not base:
        return None
    pairs = zip(ours, itertools.pairwise(base), strict=True)
    return statistics.median(own * 2 / (before + after) for own, (before, after) in pairs)


def median(results: Sequence[Result], key: str) -> float:
    return statistics.median(result[key] for result in results)


def options(arguments: Sequence[str]) -> tuple[Options, bool]:
    parser = argparse.ArgumentParser(
        prog="scripts/bench.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is told")
    parser.add_argument("--waiters", type=int, default=10_000, help="how many are parked")
    parser.add_argument("--sizes", default="10000,100000,1000000", help="petitions of growth")
    parser.add_argument("--leases", type=int, default=bench_ending.LEASES, help="how many end")
    parser.add_argument("--quick", action="store_true", help="a direction, no figures to keep")
    parser.add_argument("--without-floor", action="store_true", help="where there is no C compiler")
    parser.add_argument("--write-docs", action="store_true", help="write the last run's figures")
    given = parser.parse_args(arguments)
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.quick:
        given.seconds, given.rounds, given.waiters, given.sizes = 1, 1, 1000, "10000"
        given.leases = bench_ending.LEASES // 20
    return Options(
        parts=given.parts or list(PARTS),
        seconds=given.seconds,
        rounds=given.rounds,
        waiters=given.waiters,
        sizes=[int(size) for size in given.sizes.split(",")],
        leases=given.leases,
        floor=not given.without_floor,
    ), given.write_docs


def measure(o: Options) -> dict[str, Any]:
    """All rows of the parts, told as they come. A part in which work went wrong has no rows."""
    load = os.getloadavg()[0]
    rows: list[Row] = []
    failed: list[str] = []
    for name in o.parts:
        print(f"\n━━━ {name}", flush=True)
        try:
            rows += told(PARTS[name](o))
        except Failed as failure:
            failed.append(name)
            print(f"{name} FAILED, its figures are void: {failure}", file=sys.stderr, flush=True)
    return {
        "machine": bench_report.machine_facts(),
        "load": [load, os.getloadavg()[0]],
        "seconds": o.seconds,
        "rounds": o.rounds,
        "failed": failed,
        "rows": [dataclasses.asdict(row) for row in rows],
    }


def told(rows: Rows) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        kept.append(row)
        print("  ".join(cell for cell in bench_report.cells(row) if cell), flush=True)
    return kept


def main(arguments: Sequence[str]) -> int:
    o, docs = options(arguments)
    if docs:
        return write_docs()
    machine.ensure(["go", *(["postgres"] if any("postgres" in p for p in o.parts) else [])])
    if o.floor and {"sqlite", "parked"} & set(o.parts):
        bench_servers.build_floor()
    found = measure(o)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    if found["rows"]:
        print(bench_report.table([Row(**row) for row in found["rows"]]))
    print(f"The figures are in {RESULT.relative_to(tree.ROOT)}")
    if found["failed"]:
        print(f"FAILED, see above: {', '.join(found['failed'])}")
    return 1 if found["failed"] else 0


def write_docs() -> int:
    """Put the figures of the last run into the page, if it is a run to be shown."""
    if not RESULT.exists():
        raise SystemExit(f"{RESULT} is not there: run `make bench` first")
    found = json.loads(RESULT.read_text())
    if found["failed"]:
        raise SystemExit(f"the last run failed in {', '.join(found['failed'])}: run it again")
    bench_report.write_docs(PAGE, found)
    return 0


if __name__ == "__main__":
    sys.exit(tree.until_stopped(lambda: main(sys.argv[1:])))
