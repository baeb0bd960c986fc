# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What programs keep beside an event's own members: extended properties and open extensions.

Neither is shown unless $expand asks for it by name. Source: Microsoft Graph v1.0,
singleValueLegacyExtendedProperty, multiValueLegacyExtendedProperty, openTypeExtension.
"""

from __future__ import annotations

import re

from schema import GraphError, invalid

Members = dict[str, object]
SINGLE, MULTI, OPEN = "singleValueExtendedProperties", "multiValueExtendedProperties", "extensions"
NAMES = (SINGLE, MULTI, OPEN)
GUID = r"\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}"
PROPERTY = re.compile(rf"[A-Za-z]+ (0x[0-9a-fA-F]+|{GUID} (Name .+|Id 0x[0-9a-fA-F]+))\Z")
TYPE = "#microsoft.graph.openTypeExtension"
PREFIX = "Microsoft.OutlookServices.OpenTypeExtension."
TERM = r"id eq '(?:[^']|'')+'"
EXPANSION = re.compile(rf"(\w+)(?:\(\$filter=({TERM}(?: or {TERM})*)\))?(?:,|\Z)")


class Extras:
    """Those of one event."""

    def __init__(self) -> None:
        self.properties: dict[str, dict[str, object]] = {SINGLE: {}, MULTI: {}}
        self.extensions: dict[str, Members] = {}

    def take(self, given: Members) -> None:
        """Keep what a request says of them."""
        for kind, kept in self.properties.items():
            for item in given.get(kind) or []:  # type: ignore[attr-defined]
                if not PROPERTY.match(str(item.get("id"))) or "value" not in item:
                    raise invalid()
                kept[str(item["id"])] = item["value"]
        for item in given.get(OPEN) or []:  # type: ignore[attr-defined]
            self.extend(item)

    def extend(self, item: object, name: str = "") -> Members:
        """Make an extension, or change the one that is named."""
        if not isinstance(item, dict) or not str(item.get("@odata.type", "")).endswith(TYPE[1:]):
            raise GraphError(400, "BadRequest", "The type of the extension is missing.")
        if not name and not item.get("extensionName"):
            raise GraphError(400, "BadRequest", "extensionName is missing.")
        known = self.find(name) if name else {"extensionName": item["extensionName"]}
        members = {key: value for key, value in item.items() if "@" not in key}
        self.extensions[str(known["extensionName"])] = {**known, **members}
        return self.shown(str(known["extensionName"]))

    def find(self, name: str) -> Members:
        found = self.extensions.get(name.removeprefix(PREFIX))
        if found is None:
            raise GraphError(404, "ErrorItemNotFound", "The extension was not found.")
        return found

    def shown(self, name: str) -> Members:
        found = self.find(name)
        return {"@odata.type": TYPE, "id": PREFIX + str(found["extensionName"]), **found}

    def expanded(self, wanted: dict[str, list[str] | None]) -> Members:
        """What $expand asks for, as far as it is there."""
        row: Members = {}
        for kind, ids in wanted.items():
            if kind == OPEN:
                names = self.extensions if ids is None else [n for n in ids if n in self.extensions]
                found = [self.shown(name) for name in names]
            else:
                kept = self.properties[kind]
                found = [{"id": each, "value": kept[each]} for each in ids or [] if each in kept]
            if found:
                row[kind] = found
        return row


def parse(text: str) -> dict[str, list[str] | None]:
    """Which of them a $expand names; all extensions when it names no filter."""
    wanted: dict[str, list[str] | None] = {}
    at = 0
    while at < len(text):
        match = EXPANSION.match(text, at)
        if match is None or match[1] not in NAMES or (match[1] != OPEN and not match[2]):
            raise GraphError(400, "BadRequest", f"Parsing $expand failed at '{text[at:]}'.")
        ids = re.findall(r"'((?:[^']|'')+)'", match[2] or "")
        wanted[match[1]] = [each.replace("''", "'") for each in ids] if match[2] else None
        at = match.end()
    return wanted
