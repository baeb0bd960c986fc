# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Change notifications as httpd -t sees them: the directives, and slips that Graph would meet first."""

import os
import shutil

import pytest

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SUBSCRIBE = "GraphTokSubscribe calendar mail\nGraphTokNotificationURL https://www.example.org/hooks\n"
DELIVER = "GraphTokDeliver https://app.example.org/in\nGraphTokDeliverSecret file:{secret}\n"
GOOGLE = """<GraphTokProvider google>
    GraphTokKind google
    GraphTokClientID a-b.apps.googleusercontent.com
    GraphTokClientSecret file:{client_secret}
</GraphTokProvider>
"""

STORE = [
    ("GraphTokNotificationURL https://a.example/in\nGraphTokSubscribe mail", {"subscribe": "mail"}),
    ("GraphTokNotificationURL HTTPS://Www.Example.org:443/in",
     {"notification_url": "https://www.example.org/in"}),
    ("GraphTokSubscribeTime 7d", {"subscribe_time": "7d"}),
    ("GraphTokDeliver table", {"deliver": "table"}),
    ("GraphTokDeliverSecret env:HOOK\nGraphTokDeliver https://app.example.org/in?a=b",
     {"deliver": "https://app.example.org/in?a=b"}),
    ("GraphTokDeliverSecret env:HOOK", {"deliver_secret": "env:HOOK"}),
    ("GraphTokDeliverRetry 1s 7d", {"deliver_retry": "1s 7d"}),
    ("GraphTokNotificationKeep 365d", {"notification_keep": "365d"}),
]

BAD = [
    ("GraphTokSubscribe calender", "'calender' is not calendar, mail, or both"),
    ("GraphTokSubscribe calendar,mail", "'calendar,mail' is not calendar, mail, or both"),
    ("GraphTokNotificationURL www.example.org/hooks", "is not an https URL"),
    ("GraphTokNotificationURL http://www.example.org/hooks", "is not an https URL"),
    ("GraphTokSubscribeTime 8d", "'8d' is above the largest, 7d"),
    ("GraphTokSubscribeTime 44min", "'44min' is below the smallest, 45min"),
    ("GraphTokDeliver http://app.example.org/in", "is not table, or an https URL"),
    ("GraphTokDeliverSecret /etc/webhook", "did you mean file:/etc/webhook?"),
    ("GraphTokDeliverRetry 5s,5min", "is not a list of 1 to 20 spans of 1s to 7d"),
    ("GraphTokDeliverRetry 0s", "is not a list of 1 to 20 spans of 1s to 7d"),
    ("GraphTokNotificationKeep 59min", "'59min' is below the smallest, 1h"),
]


def place(path="/hooks", inside=""):
    return f'<Location "{path}">\nSetHandler graphtok-webhook\n{inside}\n</Location>\n'


def store(inside, name="main"):
    return f"<GraphTokStore {name}>\n{inside}</GraphTokStore>\n"


def said(frame, text, code=0, secret=SECRET):
    """What -t says of ours, one text; the secret's file has other bytes where they are given."""
    path = frame.folder / "webhook"
    path.write_text(secret + "\n")
    os.chmod(path, 0o640)
    shutil.chown(path, group="www-data" if os.geteuid() == 0 else None)
    checked = frame.check(text.replace("{secret}", str(path)).replace(
        "{client_secret}", str(frame.secret)))
    assert checked.code == code, checked.err
    assert secret not in checked.err + checked.out
    return "\n".join(line for line in checked.err.splitlines() if line.startswith("GT"))


@pytest.mark.parametrize("line, expected", STORE, ids=[row[0] for row in STORE])
def test_directives(frame, line, expected):
    frame.httpd.environment = {"HOOK": SECRET}
    checked = frame.check(store(line + "\n"))
    (found,) = checked.dump["config"]["stores"]
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("line, message", BAD, ids=[row[0] for row in BAD])
def test_bad_values_are_named_with_their_line(frame, line, message):
    checked = frame.check(store(line + "\n"))
    assert checked.code == 1 and message in checked.err
    assert f"line {checked.line_of(line)} of {checked.conf}" in checked.err


@pytest.mark.parametrize("text", [
    store(SUBSCRIBE + DELIVER) + place(),
    GOOGLE + store(SUBSCRIBE) + place(),
    store(SUBSCRIBE) + place("/inside/hooks", "GraphTokUser static tom"),
    store(SUBSCRIBE.replace("/hooks", "/public/hooks/")) + place(inside="Require ip 20.20.32.0/19")])
def test_what_is_right(frame, text):
    """Graph has no user, and its route needs no provider; a proxy may change the path."""
    assert said(frame, text) == ""


@pytest.mark.parametrize("text, words", [
    (store(SUBSCRIBE), "leads to no SetHandler graphtok-webhook"),
    (store(SUBSCRIBE) + place("/other"), "leads to no SetHandler graphtok-webhook"),
    (place(), "store main subscribes to nothing"),
    (store(SUBSCRIBE) + place(inside="AuthType Basic\nAuthName x\nRequire valid-user"),
     "write Require all granted"),
    (store("GraphTokDeliver https://app.example.org/in\nGraphTokDeliverSecret file:{secret}\n"),
     "nothing new comes that could be delivered"),
    (store(SUBSCRIBE + "GraphTokDeliverSecret file:{secret}\n") + place(),
     "without the address of an application"),
    (store(SUBSCRIBE + DELIVER.replace("{secret}", "/no/such/file")) + place(),
     "/no/such/file cannot be found now")])
def test_a_slip(frame, text, words):
    found = said(frame, text)
    assert found.count("GT0852") == 1 and words in found


def test_another_store_subscribes(frame):
    found = said(frame, store(SUBSCRIBE, "beta") + store("GraphTokTable app.tokens\n") + place(
        inside="GraphTokUseStore main"))
    assert "store main subscribes to nothing" in found and "store beta: GraphTokNotif" in found


@pytest.mark.parametrize("more", ["", SUBSCRIBE])
def test_nothing_is_sent_unsigned(frame, more):
    found = said(frame, store(more + "GraphTokDeliver https://app.example.org/in\n") + place(), 1)
    assert "GraphTokDeliver needs GraphTokDeliverSecret" in found


@pytest.mark.parametrize("secret", ["v1," + SECRET, SECRET.removeprefix("whsec_"), "whsec_c2hvcnQ=",
                                    "correct horse battery staple"])
def test_a_secret_that_signs_nothing(frame, secret):
    found = said(frame, store(SUBSCRIBE + DELIVER) + place(), 1, secret)
    assert "GT0851" in found and "openssl rand -base64 32" in found
