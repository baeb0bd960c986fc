# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A person's mail: messages in folders, drafts, replies.

A message that was received keeps what its sender said; only what an owner notes on it (categories,
read, flagged, important) can change, as long as it is no draft. Source: Microsoft Graph v1.0, message
resource type, "Update message", "message: createReply".
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from html import escape

from events import Members, new_id, new_immutable_id, new_key, plain_text, preview, shown_body
from extras import SINGLE, Extras
from people import Person
from schema import ADDRESS, GraphError, Spec, read_object

RECIPIENT: Spec = {"emailAddress": ADDRESS}
FOLDERS = ("inbox", "sentitems", "drafts", "archive", "deleteditems", "junkemail")
WRITABLE: dict[str, Spec] = {
    "subject": "Edm.String",
    "body": {"contentType": ("text", "html"), "content": "Edm.String"},
    "from": RECIPIENT,
    "sender": RECIPIENT,
    "toRecipients": [RECIPIENT],
    "ccRecipients": [RECIPIENT],
    "bccRecipients": [RECIPIENT],
    "replyTo": [RECIPIENT],
    "importance": ("low", "normal", "high"),
    "categories": ["Edm.String"],
    "inferenceClassification": ("focused", "other"),
    "isRead": "Edm.Boolean",
    "internetMessageId": "Edm.String",
    "internetMessageHeaders": [{"name": "Edm.String", "value": "Edm.String"}],
    "isDeliveryReceiptRequested": "Edm.Boolean",
    "isReadReceiptRequested": "Edm.Boolean",
    "singleValueExtendedProperties": [{"id": "Edm.String", "value": "Edm.String"}],
    "flag": {"flagStatus": ("notFlagged", "complete", "flagged")},
}
READ_ONLY = (
    "id", "bodyPreview", "changeKey", "conversationId", "conversationIndex", "createdDateTime",
    "hasAttachments", "isDraft", "lastModifiedDateTime", "parentFolderId", "receivedDateTime",
    "sentDateTime", "uniqueBody", "webLink",
)  # fmt: skip
# Of a message that is no draft.
NOTES = ("importance", "categories", "inferenceClassification", "isRead", "flag")
RARE = ("uniqueBody", "internetMessageHeaders")  # only with $select
PROPERTIES = frozenset([*WRITABLE, *READ_ONLY]) - {SINGLE}
LIMIT = 500  # recipients
QUOTE = re.compile(r"^>.*$", re.MULTILINE)
COLLECTIONS = ("toRecipients", "ccRecipients", "bccRecipients", "replyTo", "categories")


def stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def recipient(name: str, address: str) -> Members:
    return {"emailAddress": {"name": name, "address": address}}


def address_of(one: object) -> str:
    inner = one.get("emailAddress") if isinstance(one, dict) else None
    return str(inner.get("address", "")) if isinstance(inner, dict) else ""


def read_message(body: bytes) -> Members:
    return read_object(body, "message", WRITABLE, READ_ONLY)


@dataclass
class Message:
    members: Members
    folder: str
    is_draft: bool
    type: str = ""  # of an invitation and the like: "eventMessageRequest"
    id: str = field(default_factory=new_id)
    immutable: str = field(default_factory=new_immutable_id)
    change_key: str = field(default_factory=lambda: new_key(9))
    at: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    extras: Extras = field(default_factory=Extras)


class Mailbox:
    """The messages of one person, oldest first."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.messages: dict[str, Message] = {}

    def add(self, given: Members, folder: str, is_draft: bool) -> Message:
        members: Members = {
            "subject": None,
            "body": {"contentType": "text", "content": ""},
            **{name: [] for name in COLLECTIONS},
            "importance": "normal",
            "inferenceClassification": "focused",
            "isRead": is_draft,
            "flag": {"flagStatus": "notFlagged"},
            **given,
        }
        members.pop(SINGLE, None)
        message = Message(members, folder, is_draft)
        message.extras.take({SINGLE: given.get(SINGLE, [])})
        check_headers(given, is_draft)
        check_count(members)
        self.messages[message.id] = message
        return message

    def deliver(self, given: Members) -> Message:
        """What a test puts there: `type`, `folder` and `at` (seconds ago) besides Graph's members."""
        more = {name: given.pop(name, None) for name in ("type", "folder", "at")}
        message = self.add(given, str(more["folder"] or "inbox"), False)
        message.type = str(more["type"] or "")
        message.at -= datetime.timedelta(seconds=float(str(more["at"] or 0)))
        return message

    def find(self, segment: str) -> Message:
        text = segment.replace("-", "/").replace("_", "+")
        for message in self.messages.values():
            if text in (message.id, message.immutable):
                return message
        if len(text) < 16 or not text.startswith(("AAMk", "AAkA")):
            raise GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        missing = "The specified object was not found in the store."
        raise GraphError(404, "ErrorItemNotFound", missing)

    def change(self, message: Message, given: Members) -> Message:
        frozen = [name for name in given if name not in NOTES]
        if frozen and not message.is_draft:
            text = f"The property '{frozen[0]}' can be changed while a message is a draft only."
            raise GraphError(400, "ErrorInvalidPropertySet", text)
        check_headers(given, message.is_draft)
        message.members |= {name: item for name, item in given.items() if name != SINGLE}
        message.extras.take({SINGLE: given.get(SINGLE, [])})
        check_count(message.members)
        message.change_key = new_key(9)
        return message

    def reply(self, message: Message, to_all: bool, given: Members) -> Message:
        """The draft of an answer: addressed, and the original quoted in it."""
        old = message.members
        to = list(old["replyTo"] or [old.get("from") or old.get("sender")])  # type: ignore[call-overload]
        cc: list[object] = []
        if to_all:
            known = {address_of(one).lower() for one in to} | {self.person.address}
            others = [*old["toRecipients"], *old["ccRecipients"]]  # type: ignore[misc]
            is_to = len(old["toRecipients"])  # type: ignore[arg-type]
            for index, one in enumerate(others):
                if address_of(one).lower() not in known:
                    (to if index < is_to else cc).append(one)
        subject = str(old["subject"] or "")
        if not subject.upper().startswith("RE:"):
            subject = f"RE: {subject}"
        quoted = (
            "<html><head></head><body><br><hr>"
            f"<div><b>From:</b> {escape(address_of(old.get('from')))}<br><b>Subject:</b> "
            f"{escape(str(old['subject'] or ''))}</div>"
            f"{escape(plain_text(old['body']))}</body></html>"
        )
        made: Members = {
            "subject": subject,
            "toRecipients": to,
            "ccRecipients": cc,
            "body": {"contentType": "html", "content": quoted},
            **given,
        }
        return self.add(made, "drafts", True)

    def render(self, message: Message, wants_text: bool, is_immutable: bool) -> Members:
        members, key = message.members, message.change_key
        body = members["body"]
        unique = {**body, "content": QUOTE.sub("", plain_text(body))}  # type: ignore[dict-item]
        kind = {"@odata.type": f"#microsoft.graph.{message.type}"} if message.type else {}
        sender = recipient(self.person.name, self.person.address)
        return {
            **kind,
            "@odata.etag": f'W/"{key}"',
            "id": message.immutable if is_immutable else message.id,
            "createdDateTime": stamp(message.at),
            "lastModifiedDateTime": stamp(message.at),
            "changeKey": key,
            "receivedDateTime": stamp(message.at),
            "sentDateTime": stamp(message.at),
            "hasAttachments": False,
            "isDraft": message.is_draft,
            "parentFolderId": f"folder-{message.folder}",
            "webLink": f"https://outlook.office365.com/owa/?ItemID={message.id}",
            "bodyPreview": preview(body),
            "internetMessageHeaders": None,
            "internetMessageId": f"<{message.immutable}@sandbox.example>",
            "from": sender if message.is_draft else None,
            "sender": sender if message.is_draft else None,
            **members,
            "body": shown_body(body, wants_text),
            "uniqueBody": shown_body({**unique, "contentType": "text"}, wants_text),
        }


def check_headers(given: Members, is_draft: bool) -> None:
    """A program may set headers of its own on what it makes, and no others."""
    for header in given.get("internetMessageHeaders") or []:  # type: ignore[attr-defined]
        if is_draft and not str(header.get("name", "")).lower().startswith("x-"):
            text = "The internet message header name should start with 'x-' or 'X-'."
            raise GraphError(400, "InvalidInternetMessageHeader", text)


def check_count(members: Members) -> None:
    lists = (members["toRecipients"], members["ccRecipients"], members["bccRecipients"])
    if sum(len(one) for one in lists) > LIMIT:  # type: ignore[arg-type]
        raise GraphError(400, "ErrorExceededMaxRecipientLimit", "The recipients are too many.")
