# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The trace of a request (W3C Trace Context) goes on in calls to the provider, each with a parent id
of its own, and is written into log and audit. None is begun."""

import json
import re

import pytest

from support.browser import Browser

ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{ID}-{PARENT}-01", "tracestate": "vendor=of-ours"}
TOKEN = "token"


@pytest.fixture(scope="module")
def site(make_site, sandbox_server):
    made = make_site()
    made.configure(settings=f'GraphTokAudit "{made.folder}/audit.log"\nLogLevel graphtok:debug\n')
    made.start()
    yield made
    made.end()


@pytest.fixture
def browser(site, sandbox):
    made = Browser(sandbox.ca)
    assert made.sign_in(site.url + "/auth/login").status == 200
    return made


def sent(sandbox, where):
    """The headers of the newest call to an endpoint."""
    return sandbox.process.calls(where)["last"][-1]["headers"]


def recorded(site, event):
    """The newest record of an event."""
    lines = (site.folder / "audit.log").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["event"] == event][-1]


def test_a_trace_goes_on_at_graph(site, sandbox, browser):
    parents = set()
    for _ in range(2):
        assert browser.get(site.url + "/calendar/events", headers=TRACED).status == 200
        headers = sent(sandbox, "graph")
        version, trace, parent, flags = headers["traceparent"].split("-")
        assert (version, trace, flags) == ("00", ID, "01")
        assert re.fullmatch("[0-9a-f]{16}", parent) and parent != PARENT
        parents.add(parent)
        # Of our own systems, and no business of the provider's.
        assert "tracestate" not in headers
        assert recorded(site, "call")["trace"] == ID
        line = re.compile(rf"call for graph: GET \S+: 200 .*, traceparent {headers['traceparent']}$", re.M)
        site.httpd.wait_until(lambda line=line: line.search(site.httpd.log()), 60)
    assert len(parents) == 2


def test_a_trace_goes_on_at_a_refresh(site, sandbox, browser):
    """The token that Graph refuses is refreshed for this request; both its calls are of the trace."""
    sandbox.fault("graph", "graph_error", status=401, code="InvalidAuthenticationToken", times=1)
    traced = {"traceparent": f"00-{ID}-{PARENT}-00"}
    assert browser.get(site.url + "/calendar/events", headers=traced).status == 200
    first, second = (call["headers"]["traceparent"] for call in sandbox.process.calls("graph")["last"][-2:])
    token = sent(sandbox, TOKEN)["traceparent"]
    assert len({first, second, token}) == 3
    assert {one[:36] + one[-3:] for one in (first, second, token)} == {f"00-{ID}--00"}
    assert recorded(site, "refresh")["trace"] == ID


@pytest.mark.parametrize("header", [
    None, "", f"00-{ID}-{PARENT}", f"00-{ID.upper()}-{PARENT}-01", f"ff-{ID}-{PARENT}-01",
    f"00-{'0' * 32}-{PARENT}-01", f"00-{ID}-{PARENT}-01-more", "x" * 4000], ids=range(8))
def test_no_other_header_is_one(site, sandbox, browser, header):
    headers = {} if header is None else {"traceparent": header}
    assert browser.get(site.url + "/calendar/events", headers=headers).status == 200
    assert "traceparent" not in sent(sandbox, "graph")
    assert "trace" not in recorded(site, "call")


def test_two_headers_are_none(site, sandbox, browser):
    two = f"00-{ID}-{PARENT}-01, 00-{ID}-{PARENT}-01"  # as httpd joins them
    assert browser.get(site.url + "/calendar/events", headers={"traceparent": two}).status == 200
    assert "traceparent" not in sent(sandbox, "graph")


def test_a_sign_in_is_of_the_trace_of_its_callback(site, sandbox):
    browser = Browser(sandbox.ca)
    left = browser.get(site.url + "/auth/login?login_hint=ada@sandbox.example")
    callback = browser.get(left.location).location
    assert browser.get(callback, headers=TRACED).status == 200
    assert sent(sandbox, TOKEN)["traceparent"].startswith(f"00-{ID}-")
    assert recorded(site, "sign_in")["trace"] == ID
