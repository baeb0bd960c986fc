# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Figures in Prometheus' text format, read by a strict parser; what counts, and what it counts."""

import os
import pathlib
import re
import signal
import urllib.error

import pytest

from support import httpd as servers
from support.browser import Browser

METRICS = """
<Location "/metrics">
    SetHandler graphtok-metrics
    Require all granted
</Location>
"""

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?|\+Inf|NaN)")
SUFFIXES = ("_bucket", "_sum", "_count")


def parse_labels(text):
    """The labels between braces, each name once."""
    found, at = {}, 0
    while at < len(text):
        label = LABEL.match(text, at)
        assert label, f"labels: {text[at:]!r}"
        assert label[1] not in found and not label[1].startswith("__")
        assert label[3] or label.end() == len(text)
        found[label[1]] = label[2]
        at = label.end()
        assert not (label[3] and at == len(text)), "a comma at the end"
    return found


def check_histogram(name, samples):
    """Buckets grow, end in +Inf, and agree with the count; sum is there."""
    series = {}
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        series.setdefault(rest, {})[(sample, dict(labels).get("le"))] = value
    for labels, parts in series.items():
        buckets = [(float(le), value) for (sample, le), value in parts.items()
                   if sample == name + "_bucket"]
        assert buckets == sorted(buckets) and buckets[-1][0] == float("inf"), labels
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), labels
        assert parts[(name + "_count", None)] == buckets[-1][1]
        assert (name + "_sum", None) in parts


def parse(text):
    """{family: (type, {(sample, labels): value})}; fails for what Prometheus would refuse."""
    families, name = {}, None
    assert text.endswith("\n") and "\r" not in text and "\n\n" not in text
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, text_of_help = re.fullmatch(rf"# HELP ({NAME}) (.+)", line).groups()
            assert name not in families and "\\" not in text_of_help
            families[name] = None
        elif line.startswith("# TYPE "):
            typed, kind = re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line).groups()
            assert typed == name and families[name] is None
            assert kind in ("counter", "gauge", "histogram")
            families[name] = (kind, {})
        elif not line.startswith("#"):
            found = SAMPLE.fullmatch(line)
            assert found, line
            kind, samples = families[name]
            plain = found[1]
            if kind == "histogram":
                plain = next((plain[:-len(s)] for s in SUFFIXES if plain.endswith(s)), plain)
            assert plain == name, f"{line} stands in family {name}"
            assert kind != "counter" or name.endswith("_total")
            key = (found[1], tuple(sorted(parse_labels(found[2] or "").items())))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(found[3])
            assert kind == "gauge" or samples[key] >= 0
    for name, (kind, samples) in families.items():
        if kind == "histogram":
            check_histogram(name, samples)
    return families


@pytest.mark.parametrize("wrong", [
    "graphtok_x 1\n", "# HELP a b\n# TYPE a counter\na 1\n", "# HELP a_total b\n# TYPE a_total gauge",
    "# HELP a b\n# TYPE a gauge\na 1\na 2\n", '# HELP a b\n# TYPE a gauge\na{x="1",} 1\n',
    '# HELP a b\n# TYPE a gauge\na{x="1" } 1\n', "# HELP a b\n# TYPE a gauge\nb 1\n",
    '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n', "# HELP a b\n# TYPE a gauge\na  1\n",
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n'])
def test_the_parser_refuses(wrong):
    with pytest.raises((AssertionError, AttributeError, KeyError, TypeError)):
        parse(wrong)


class Figures:
    """What a site says now."""

    def __init__(self, site):
        answer = Browser().get(site.url + "/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        self.text = answer.text
        self.families = parse(answer.text)

    def __call__(self, name, **labels):
        family = name
        for suffix in SUFFIXES:
            if name.endswith(suffix) and name[:-len(suffix)] in self.families:
                family = name[:-len(suffix)]
        return self.families[family][1].get((name, tuple(sorted(labels.items()))), 0)


def make(make_site, mpm, **more):
    site = make_site(mpm, mounts=METRICS + """
<Location "/auth">
    SetHandler graphtok-auth
    GraphTokLimit login 30/min
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/tom">
    GraphTokUser static tom
</Location>
<Location "/tom/auth">
    SetHandler graphtok-auth
</Location>
<Location "/tom/calendar">
    SetHandler graphtok-calendar
</Location>
""", **more)
    site.start()
    return site


@pytest.fixture(scope="module", params=["event", "prefork"])
def counted(request, make_site):
    site = make(make_site, request.param)
    yield site
    site.end()


def test_O9_a_fresh_server_has_every_family(counted):
    figures = Figures(counted)
    table = (pathlib.Path(__file__).resolve().parents[2] / "docs/metrics.md").read_text()
    documented = dict(re.findall(r"^\| `(graphtok_\w+)` \| (\w+) \|", table, re.M))
    assert documented == {name: kind for name, (kind, _) in figures.families.items()}
    for name, (_, samples) in figures.families.items():
        row = re.search(rf"^\| `{name}` \| \w+ \| ([^|]*)\|", table, re.M)[1]
        labels = {key for _, pairs in samples for key, _ in pairs} - {"le"}
        assert labels == set(re.findall(r"`(\w+)`", row)) or not samples, name


def test_O9_signing_in_and_calling(counted, sandbox):
    before = Figures(counted)
    browser = Browser(sandbox.ca)
    assert browser.sign_in(counted.url + "/auth/login").status == 200
    for _ in range(3):
        assert browser.get(counted.url + "/calendar/events").status == 200
    after = Figures(counted)

    def grown(name, **labels):
        return after(name, **labels) - before(name, **labels)
    assert grown("graphtok_sign_ins_total", provider="microsoft", result="ok") == 1
    assert grown("graphtok_cache_lookups_total", result="hit") == 3
    assert grown("graphtok_tokens_handed_out_total", to="provider") == 3
    for purpose, times in (("graph", 3), ("token", 1)):
        what = {"provider": "microsoft", "purpose": purpose}
        assert grown("graphtok_upstream_duration_seconds_count", **what) == times
        assert 0 < grown("graphtok_upstream_duration_seconds_sum", **what) < 60
    assert after("graphtok_journal_entries") == 0
    assert after("graphtok_children") >= 1 and after("graphtok_cache_slots_used") >= 1
    browser.post(counted.url + "/auth/revoke")
    assert Figures(counted)("graphtok_revokes_total", result="ok") \
        == after("graphtok_revokes_total", result="ok") + 1


def age(site):
    site.database.sql("UPDATE user_tokens SET expires_at = "
                      "strftime('%Y-%m-%d %H:%M:%f', 'now', '-5 seconds') WHERE user_id = 'tom'")


def test_O9_refreshes_and_why_they_failed(make_site, sandbox):
    site = make(make_site, "event")
    try:
        browser = Browser(sandbox.ca)
        assert browser.sign_in(site.url + "/tom/auth/login").status == 200
        age(site)
        site.httpd.stop()
        site.httpd.start()
        assert Figures(site)("graphtok_refreshes_total", provider="microsoft", result="ok") == 0
        assert browser.get(site.url + "/tom/calendar/events").status == 200
        figures = Figures(site)
        assert figures("graphtok_refreshes_total", provider="microsoft", result="ok") == 1
        assert figures("graphtok_cache_lookups_total", result="miss") == 1
        assert figures("graphtok_tokens", store="main", status="active") == 1
        age(site)
        site.httpd.stop()
        site.httpd.start()
        sandbox.revoke("ada@sandbox.example")
        assert browser.get(site.url + "/tom/calendar/events").status == 401
        figures = Figures(site)
        assert figures("graphtok_refreshes_total", provider="microsoft",
                       result="sign-in-required") == 1
        codes = {labels[0][1]: value for (_, labels), value
                 in figures.families["graphtok_refresh_refusals_total"][1].items()}
        assert sum(codes.values()) == 1 and codes["other"] == 0
        assert all(re.fullmatch(r"AADSTS[0-9]+|other", code) for code in codes)
        assert figures("graphtok_tokens_refused_total", result="sign-in-required") == 1
    finally:
        site.end()


def test_O9_calls_without_an_answer(counted, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(counted.url + "/auth/login").status == 200
    before = Figures(counted)
    sandbox.fault("graph", "die", times=0)
    assert browser.get(counted.url + "/calendar/events").status == 502
    sandbox.fault("graph", "none")
    what = {"provider": "microsoft", "purpose": "graph"}
    assert Figures(counted)("graphtok_upstream_failures_total", **what) \
        > before("graphtok_upstream_failures_total", **what)


def test_limits_count_by_class(counted, sandbox):
    before = Figures(counted)
    browser = Browser(sandbox.ca)
    answers = [browser.get(counted.url + "/auth/login").status for _ in range(40)]
    assert 429 in answers
    assert Figures(counted)("graphtok_limited_total", **{"class": "login"}) \
        - before("graphtok_limited_total", **{"class": "login"}) == answers.count(429)


def test_figures_survive_a_graceful_restart(counted, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(counted.url + "/tom/auth/login").status == 200
    before = Figures(counted)
    counted.httpd.graceful()
    after = Figures(counted)
    name = "graphtok_sign_ins_total"
    assert after(name, provider="microsoft", result="ok") \
        == before(name, provider="microsoft", result="ok") > 0


def test_figures_survive_a_killed_child(counted, sandbox):
    browser = Browser(sandbox.ca)
    assert browser.sign_in(counted.url + "/tom/auth/login").status == 200
    before = Figures(counted)
    for pid in counted.httpd.children():
        os.kill(pid, signal.SIGKILL)

    def answers():
        try:
            return Browser().get(counted.url + "/metrics").status == 200
        except (OSError, urllib.error.URLError):
            return False
    servers.Httpd.wait_until(answers, 30)
    assert Figures(counted)("graphtok_sign_ins_total", provider="microsoft", result="ok") \
        == before("graphtok_sign_ins_total", provider="microsoft", result="ok")


def test_O9_without_the_database(make_site, sandbox):
    site = make(make_site, "event", migrate=False)
    try:
        for _ in range(3):
            figures = Figures(site)
        assert not figures.families["graphtok_tokens"][1]
        assert "# store main is left out: no answer\n" in figures.text
        # Asked once in 15 s, warned of once.
        assert site.httpd.log().count("GT0881") == 1
        assert Browser(sandbox.ca).get(site.url + "/tom/calendar/events").status == 500
        assert Figures(site)("graphtok_storage_errors_total", result="internal-error") >= 1
    finally:
        site.end()


def test_without_a_keyring_and_with_several_providers(make_site):
    """Figures need no grant."""
    site = make_site("event", mounts=METRICS)
    site.configure(settings="<GraphTokProvider other>\nGraphTokClientID x\n"
                            f"GraphTokTenant contoso.example\n"
                            f"GraphTokClientSecret file:{site.secrets}/client-secret\n"
                            "</GraphTokProvider>\n")
    (site.secrets / "keyring").rename(site.secrets / "keyring.away")
    site.start()
    try:
        figures = Figures(site)
        assert figures("graphtok_refreshes_total", provider="other", result="ok") == 0
        assert ("graphtok_refreshes_total", (("provider", "other"), ("result", "ok"))) \
            in figures.families["graphtok_refreshes_total"][1]
        assert Browser().post(site.url + "/metrics").status == 405
        assert Browser().get(site.url + "/metrics/x").status == 404
    finally:
        site.end()
