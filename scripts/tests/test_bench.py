"""The measuring itself works: every round trip was right, and figures are told as they are.

How fast it is, no test asserts: that is what `make bench` is for.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import bench
import bench_report
import bench_servers
import postgres
import pytest
from bench_report import Row
from bench_servers import Failed, Postgres

SHORT = bench.Options(
    parts=["sqlite", "growth", "ending"],
    seconds=0.05,
    rounds=1,
    waiters=20,
    sizes=[1001],
    leases=60,
    floor=False,
)
FOUND: dict[str, Any] = {
    "machine": {
        "processor": "Acme 1",
        "cores": 2,
        "memoryGiB": 4,
        "system": "Linux 6",
        "go": "go1.26",
        "version": "v1",
        "when": "2030-01-02 03:04 UTC",
    },
    "load": [0.1, 2.0],
    "seconds": 5,
    "rounds": 3,
    "rows": [
        asdict(Row("SQLite", "created", 1234.5, "/s", 2469, 0.5, "60 % of the floor", False)),
        asdict(Row("SQLite", "cold start", 25.04, "ms", bar="100 ms", met=True)),
    ],
}


def test_a_short_run_measures_and_nothing_goes_wrong() -> None:
    rows = [Row(**row) for row in bench.measure(SHORT)["rows"]]
    told = {(row.part, row.what): row for row in rows}
    for n in bench.AT_ONCE:
        assert told["SQLite, one node", f"round trips, {n} at once"].value > 0
        assert told["SQLite, one node", f"created, {n} at once"].value > 0
    assert told["SQLite, 1,001 petitions", "search for a rare word"].value > 0
    assert told["SQLite, 60 leases end within 1 s", "ended and closed"].value > 0


def test_a_part_in_which_work_goes_wrong_is_void_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(o: bench.Options) -> bench.Rows:
        yield Row("broken", "done before it broke", 1, "/s")
        raise Failed("answered 503")

    def whole(o: bench.Options) -> bench.Rows:
        yield Row("whole", "done", 1, "/s")

    monkeypatch.setattr(bench, "PARTS", {"broken": broken, "whole": whole})
    found = bench.measure(replace(SHORT, parts=["broken", "whole"]))
    assert found["failed"] == ["broken"]
    assert [row["part"] for row in found["rows"]] == ["whole"]


def test_postgresql_alone_is_measured_and_waits_for_its_disk() -> None:
    with postgres.private_server(durable=True) as url:
        server = Postgres(url)
        assert server.setting("fsync") == "on"
        assert server.setting("synchronous_commit") == "on"
        assert server.prepare_raw().measure(clients=1, seconds=1) > 0


def test_work_that_went_wrong_is_no_figure() -> None:
    result = {"mode": "create", "atOnce": 1, "done": 9, "bad": 1, "problem": "answered 503"}
    with pytest.raises(Failed, match="1 bad, first: answered 503"):
        bench.good(result)
    with pytest.raises(Failed):
        bench.good({**result, "done": 0, "bad": 0})


def test_a_run_is_compared_with_its_neighbours() -> None:
    calls: list[str] = []
    base, ours = bench.take_turns(2, lambda: calls.append("base"), lambda: calls.append("ours"))
    assert calls == ["base", "ours", "base", "ours", "base"]
    assert (len(base), len(ours)) == (3, 2)
    # the machine becomes half as fast, and the ratio stays
    assert bench.ratio_of([60, 30], [100, 100, 0]) == pytest.approx(0.6)
    assert bench.ratio_of([60], []) is None


def test_the_docs_get_the_figures_and_keep_their_words(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    old = "figures of yesterday"
    page.write_text(f"before\n\n{bench_report.BEGIN}\n{old}\n{bench_report.END}\n\nafter\n")
    bench_report.write_docs(page, json.loads(json.dumps(FOUND)))
    text = page.read_text()
    assert text.startswith(f"before\n\n{bench_report.BEGIN}\n\nMeasured 2030-01-02 03:04 UTC on 2")
    assert text.endswith(f"{bench_report.END}\n\nafter\n")
    assert "| created | 1,234/s | 2,469/s | 50 % | 60 % of the floor | NO |  |" in text
    assert "| cold start | 25.0 ms |  |  | 100 ms | yes |  |" in text
    assert "1 of 2 bars are reached." in text
    assert old not in text
    page.write_text("no place")
    with pytest.raises(SystemExit, match="has no place for figures"):
        bench_report.write_docs(page, FOUND)


def test_the_floors_client_has_columns_where_it_measured(tmp_path: Path) -> None:
    same = Row("SQLite", "round trips", 700, "/s", 1000, 0.7, "60 % of the floor", True)
    same = replace(same, same_client=500, same_client_ratio=0.5)
    rows = [*FOUND["rows"], asdict(same), asdict(Row("start", "cold start", 25, "ms"))]
    page = tmp_path / "performance.md"
    page.write_text(f"{bench_report.BEGIN}\n{bench_report.END}\n")
    bench_report.write_docs(page, {**FOUND, "rows": rows})
    text = page.read_text()
    assert (
        "| what | Indent | beside it | ratio | with the floor's client | its ratio | bar |" in text
    )
    assert (
        "| round trips | 700/s | 1,000/s | 70 % | 500/s | 50 % | 60 % of the floor | yes |" in text
    )
    assert "### start\n\n| what | Indent | beside it | ratio | bar | met |" in text
    assert bench_report.SAME_CLIENT_WHY in text
    table = bench_report.table([Row(**row) for row in rows])
    assert "700/s 1,000/s 70 % 500/s 50 % 60 %" in " ".join(table.split())


def test_the_floors_client_measures_indent_and_all_is_answered() -> None:
    bench_servers.build_floors_client()
    with bench_servers.scratch() as folder, bench_servers.indent(folder) as indent:
        for mode in ("rt", "create"):
            line = indent.measure_with_floors_client(mode, 4, 0.05)
            assert line["ok"] > 0
            assert line["bad"] == 0


def test_both_clients_are_compared_with_the_floor_of_the_same_run() -> None:
    ours = [{"perSecond": 60, "times": {"whole": {"p50": 1, "p99": 2}}}]
    base, same = [{"per_s": 100}, {"per_s": 100}], [{"per_s": 50}]
    row = bench.rate_row("SQLite", "created", base, ours, same)
    assert (row.value, row.beside, row.ratio, row.met) == (60, 100, pytest.approx(0.6), True)
    assert (row.same_client, row.same_client_ratio) == (50, pytest.approx(0.5))
    alone = bench.rate_row("SQLite", "created", [], ours, [])
    assert (alone.value, alone.met, alone.same_client) == (60, None, None)


def test_the_table_says_which_bars_are_missed() -> None:
    text = bench_report.table([Row(**row) for row in FOUND["rows"]])
    assert "NO" in text
    assert text.endswith("1 of 2 bars are reached")


def test_options_are_refused_with_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.options(["speed"])
    assert "there is no part speed; there are sqlite, parked" in capsys.readouterr().err
    quick, docs = bench.options(["--quick", "parked"])
    assert (quick.parts, quick.waiters, quick.sizes, docs) == (["parked"], 1000, [10000], False)
    assert quick.leases == 5000
