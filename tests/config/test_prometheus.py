# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The alerts of conf/prometheus, each silent once and firing once; the dashboard of conf/grafana: what
they ask for is what docs/metrics.md has, and is understood by Prometheus' own parser."""

import json
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = (TOP / "conf/prometheus/graphtok.rules.yml").read_text("utf-8")
CASES = (pathlib.Path(__file__).parent / "alerts.yml").read_text("utf-8")
BOARD = json.loads((TOP / "conf/grafana/graphtok.json").read_text("utf-8"))
# name → its labels
METRICS = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in re.findall(
    r"^\| `(graphtok_\w+)` \| \w+ \| ([^|]*)\|", (TOP / "docs/metrics.md").read_text("utf-8"), re.M)}
ANNOTATIONS = r"^        annotations:\n(?:(?:          .*)?\n)+?(?=\n|\Z|      - )"
SELECTOR = re.compile(r"\b(graphtok_\w+?)(?:_bucket|_count|_sum)?\b(?:\{([^}]*)\})?")
EVERYWHERE = {"instance", "job", "le"}


def promtool(*words):
    done = subprocess.run(["promtool", *words], check=False, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout


def unknown(expression):
    """Metrics, and labels of a metric, that are in no row."""
    wrong = set()
    for name, labels in SELECTOR.findall(expression):
        if name not in METRICS:
            wrong.add(name)
            continue
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels or ""))
        wrong |= {f"{name}{{{label}}}" for label in used - METRICS[name] - EVERYWHERE}
    return wrong


def expressions():
    return [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", [])]


def test_it_sees_what_there_is_not():
    assert unknown('rate(graphtok_lost_total[5m]) + graphtok_tokens{state="x", instance="a"}') == {
        "graphtok_lost_total", "graphtok_tokens{state}"}
    assert not unknown('graphtok_upstream_duration_seconds_bucket{purpose="graph"}')
    assert len(METRICS) > 30


def test_rules_are_rules():
    count = len(re.findall(r"^      - alert: ", RULES, re.M))
    assert f"{count} rules found" in promtool("check", "rules", str(TOP / "conf/prometheus/graphtok.rules.yml"))
    assert not unknown(RULES.partition("groups:")[2])


def test_each_alert_is_silent_once_and_fires_once(tmp_path):
    """promtool compares annotations as well, which are taken out."""
    (tmp_path / "rules.yml").write_text(re.sub(ANNOTATIONS, "", RULES, flags=re.M), encoding="utf-8")
    (tmp_path / "alerts.yml").write_text(CASES.replace("RULES", "rules.yml"), encoding="utf-8")
    assert "annotations" not in (tmp_path / "rules.yml").read_text("utf-8")
    promtool("test", "rules", str(tmp_path / "alerts.yml"))
    assert not unknown(CASES)
    for name in re.findall(r"^      - alert: (\w+)$", RULES, re.M):
        after = re.findall(rf"alertname: {name}\n        exp_alerts:( \[\])?", CASES)
        assert "" in after, f"{name} is never seen to fire"
        assert " []" in after, f"{name} is never seen to be silent"


def test_no_alert_is_tested_that_is_none():
    assert set(re.findall(r"alertname: (\w+)", CASES)) == set(re.findall(r"- alert: (\w+)", RULES))


@pytest.mark.parametrize("part", ["metrics", "parser", "form"])
def test_the_dashboard_is_understood(part, tmp_path):
    asked = expressions()
    assert len(asked) > 15
    if part == "metrics":
        assert not {name for one in asked for name in unknown(one)}
    elif part == "parser":
        plain = [one.replace("$__rate_interval", "5m").replace("$instance", ".*") for one in asked]
        lines = "".join(f"      - record: graphtok:query:{n}\n        expr: {json.dumps(one)}\n"
                        for n, one in enumerate(plain))
        (tmp_path / "queries.yml").write_text("groups:\n  - name: board\n    rules:\n" + lines,
                                              encoding="utf-8")
        assert f"{len(asked)} rules found" in promtool("check", "rules", str(tmp_path / "queries.yml"))
    else:
        ids = [panel["id"] for panel in BOARD["panels"]]
        assert len(ids) == len(set(ids)) and {one["name"] for one in BOARD["templating"]["list"]} == {
            "datasource", "instance"}
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in BOARD["panels"]]
        assert len(places) == len(set(places))
