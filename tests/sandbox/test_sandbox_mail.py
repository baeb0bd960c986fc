# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The sandbox's mail and its $batch, and each thing that they refuse."""

from __future__ import annotations

import urllib.parse
from typing import Any

import pytest
from client import Sandbox
from events import in_path
from peer import ADA, Answer, Peer

SCOPE = "openid offline_access User.Read Mail.ReadWrite"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def reader(box: Sandbox) -> str:
    """An access token for Ada's mail."""
    return str(box.control("POST", "issue", {"person": ADA, "scope": SCOPE})["access_token"])


def mail(subject: str, **more: Any) -> Any:
    sender = {"emailAddress": {"name": "Grace", "address": "grace@sandbox.example"}}
    to = {"emailAddress": {"name": "Ada", "address": ADA}}
    return {"subject": subject, "from": sender, "toRecipients": [to], **more}


def listed(peer: Peer, token: str, **options: str) -> Answer:
    query = urllib.parse.urlencode({f"${name}": value for name, value in options.items()})
    return peer.graph(token, "GET", f"/me/mailFolders/inbox/messages?{query}")


def refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.graph_code) == (status, code), answer.body


def subjects(answer: Answer) -> list[str]:
    return [row["subject"] for row in answer.json["value"]]


def test_lists(peer: Peer, box: Sandbox, reader: str) -> None:
    box.add_mail(ADA, mail("old", at=300), mail("new"), mail("seen", isRead=True, at=9),
                 mail("sent", folder="sentitems"))  # fmt: skip
    both = "receivedDateTime ge 2000-01-01T00:00:00Z and isRead eq false"
    order = "receivedDateTime desc"
    assert subjects(listed(peer, reader, filter=both, orderby=order)) == ["new", "old"]
    first = listed(peer, reader, filter=both, orderby=order, top="1").json
    assert [row["subject"] for row in first["value"]] == ["new"]
    rest = peer.graph(reader, "GET", first["@odata.nextLink"].split("/v1.0")[1])
    assert subjects(rest) == ["old"] and "@odata.nextLink" not in rest.json
    row = listed(peer, reader, select="subject,uniqueBody", top="1").json["value"][0]
    assert set(row) == {"@odata.etag", "id", "subject", "uniqueBody"}
    assert "uniqueBody" not in listed(peer, reader).json["value"][0]
    refused(listed(peer, reader, filter="isRead eq false", orderby=order), 400, "InefficientFilter")
    refused(listed(peer, reader, select="attendees"), 400, "RequestBroker--ParseUri")
    refused(listed(peer, reader, top="1001"), 400, "ErrorInvalidParameter")


def test_scopes(peer: Peer, box: Sandbox, ada: str) -> None:
    path = f"/me/messages/{in_path(box.add_mail(ADA, mail('x'))[0])}"
    refused(listed(peer, ada), 403, "ErrorAccessDenied")
    body = {"person": ADA, "scope": "User.Read Mail.Read"}
    token = str(box.control("POST", "issue", body)["access_token"])
    assert subjects(listed(peer, token)) == ["x"]
    refused(peer.graph(token, "PATCH", path, {"categories": []}), 403, "ErrorAccessDenied")
    refused(peer.graph(token, "POST", "/me/messages", {}), 403, "ErrorAccessDenied")


def test_changes(peer: Peer, box: Sandbox, reader: str) -> None:
    path = f"/me/messages/{in_path(box.add_mail(ADA, mail('x', categories=['a']))[0])}"
    old = peer.graph(reader, "GET", path).json
    changed = peer.graph(reader, "PATCH", path, {"categories": ["b"]})
    assert changed.status == 200 and changed.json["categories"] == ["b"]
    refused(peer.graph(reader, "PATCH", path, {"subject": "y"}), 400, "ErrorInvalidPropertySet")
    refused(peer.graph(reader, "PATCH", path, {"shoeSize": 1}), 400, "RequestBodyRead")
    refused(peer.graph(reader, "PATCH", path, {"categories": None}), 400,
            "UnableToDeserializePostBody")  # fmt: skip
    stale = peer.graph(reader, "PATCH", path, {"categories": []}, if_match=old["@odata.etag"])
    refused(stale, 412, "ErrorIrresolvableConflict")


def test_drafts_and_replies(peer: Peer, box: Sandbox, reader: str) -> None:
    draft = peer.graph(reader, "POST", "/me/messages", {"subject": "Hi"})
    assert draft.status == 201 and draft.json["isDraft"] and draft.json["webLink"]
    other = {"emailAddress": {"address": "alan@sandbox.example"}}
    path = f"/me/messages/{in_path(box.add_mail(ADA, mail('x', ccRecipients=[other]))[0])}"
    answer = peer.graph(reader, "POST", f"{path}/createReply")
    assert answer.json["subject"] == "RE: x" and answer.json["ccRecipients"] == []
    assert answer.json["toRecipients"][0]["emailAddress"]["address"] == "grace@sandbox.example"
    to_all = peer.graph(reader, "POST", f"{path}/createReplyAll", {"comment": "yes"}).json
    assert [one["emailAddress"]["address"] for one in to_all["ccRecipients"]] == [
        "alan@sandbox.example"
    ]
    both = {"comment": "a", "message": {"body": {"contentType": "text", "content": "b"}}}
    refused(peer.graph(reader, "POST", f"{path}/createReply", both), 400, "ErrorInvalidRequest")
    refused(peer.graph(reader, "POST", "/me/messages/AAMkNoSuchIdHere/createReply"), 404,
            "ErrorItemNotFound")  # fmt: skip


def test_a_draft_is_found_by_an_extended_property(peer: Peer, reader: str) -> None:
    known = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Key"
    body = {"singleValueExtendedProperties": [{"id": known, "value": "it's"}], "subject": "k"}
    peer.graph(reader, "POST", "/me/messages", body)
    term = "singleValueExtendedProperties/Any(ep: ep/id eq '%s' and ep/value eq '%s')"
    for value, found in (("it''s", ["k"]), ("other", [])):
        query = urllib.parse.urlencode({"$filter": term % (known, value)})
        assert subjects(peer.graph(reader, "GET", f"/me/messages?{query}")) == found


def part(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "method": "GET", "url": "/me", **more}


def test_batch(peer: Peer, box: Sandbox, reader: str) -> None:
    path = f"/me/messages/{in_path(box.add_mail(ADA, mail('x'))[0])}"
    change = {"method": "PATCH", "url": path, "headers": JSON, "body": {"categories": ["c"]}}
    parts = [part(1), part(2, **change), part(3, url="/me/nothing"), part(4, dependsOn=["3"])]
    answer = peer.graph(reader, "POST", "/$batch", {"requests": parts})
    assert answer.status == 200
    statuses = {one["id"]: one["status"] for one in answer.json["responses"]}
    assert statuses == {"1": 200, "2": 200, "3": 400, "4": 424}
    assert [one["id"] for one in answer.json["responses"]] != ["1", "2", "3", "4"]
    assert box.mail(ADA)[0]["categories"] == ["c"]


def test_batch_parts_are_throttled_singly(peer: Peer, box: Sandbox, reader: str) -> None:
    box.settings(mailbox_concurrency=2)
    answer = peer.graph(reader, "POST", "/$batch", {"requests": [part(n) for n in range(4)]})
    by_id = {one["id"]: one for one in answer.json["responses"]}
    assert [by_id[str(n)]["status"] for n in range(4)] == [200, 200, 429, 429]
    assert by_id["3"]["headers"]["Retry-After"] == "1"


@pytest.mark.parametrize(
    "parts",
    [
        [part(n) for n in range(21)],
        [part(1), part(1)],
        [{"method": "GET", "url": "/me"}],
        [part(1, method="PATCH", body={})],
        [part(1, url="me")],
        [part(1, url="https://graph.microsoft.com/v1.0/me")],
        [part(1, url="/$batch", method="POST")],
        [part(1, dependsOn=["9"])],
        [],
    ],
)
def test_bad_batches(peer: Peer, reader: str, parts: Any) -> None:
    refused(peer.graph(reader, "POST", "/$batch", {"requests": parts}), 400, "BadRequest")
