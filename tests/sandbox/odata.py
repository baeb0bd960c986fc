# Licensed under the Apache License, Version 2.0; see LICENSE.
"""OData query options as Graph takes them for events and messages: $select, $filter, $orderby, paging.

Source: OData 4.0 URL Conventions; Microsoft Graph, "Customize responses with query parameters".
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import extras
from schema import PROPERTIES, GraphError
from wire import Pairs, json_text

DEFAULT_PAGE = 10
LARGEST_PAGE = 1000
KNOWN = ("$select", "$filter", "$orderby", "$top", "$skip", "$skiptoken", "$count", "$expand")

Row = dict[str, object]
TERM = re.compile(
    r"\s*(?:(?P<path>[A-Za-z/]+)\s+(?P<op>eq|ne|ge|gt|le|lt)\s+(?P<value>'(?:[^']|'')*'|[\w.:+-]+)"
    r"|(?P<call>contains|startswith)\(\s*(?P<field>[A-Za-z/]+)\s*,\s*(?P<part>'(?:[^']|'')*')\s*\))"
    r"\s*\Z"
)
AND = re.compile(r"\s+and\s+(?=(?:[^']*'[^']*')*[^']*\Z)", re.IGNORECASE)


def bad_uri(message: str) -> GraphError:
    return GraphError(400, "RequestBroker--ParseUri", message)


@dataclass(frozen=True)
class Kind:
    """What a collection holds: the type's name and its properties."""

    name: str
    properties: frozenset[str]


EVENT = Kind("event", PROPERTIES)


@dataclass
class Options:
    """The options of one request."""

    kind: Kind = EVENT
    select: list[str] = field(default_factory=list)
    filter: str = ""
    orderby: list[tuple[str, bool]] = field(default_factory=list)  # path, descending
    top: int = DEFAULT_PAGE
    skip: int = 0
    wants_count: bool = False
    expand: dict[str, list[str] | None] = field(default_factory=dict)


def value_at(row: Row, path: str) -> object:
    value: object = row
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def check_path(path: str, kind: Kind) -> str:
    if path.split("/")[0] not in kind.properties:
        text = f"Could not find a property named '{path}' on type 'microsoft.graph.{kind.name}'."
        raise bad_uri(text)
    return path


def number(text: str, name: str, least: int) -> int:
    if not re.match(r"-?\d{1,9}\Z", text):
        raise bad_uri(f"Invalid value '{text}' for {name} query option found. The {name} query "
                      "option requires a non-negative integer value.")  # fmt: skip
    if int(text) < least:
        raise GraphError(400, "ErrorInvalidParameter", f"Invalid value for {name}.")
    return int(text)


def make_token(skip: int) -> str:
    return base64.urlsafe_b64encode(json_text({"s": skip})).decode()


def read_token(text: str) -> int:
    try:
        value = json.loads(base64.urlsafe_b64decode(text.encode()))["s"]
    except (ValueError, KeyError, TypeError, binascii.Error) as bad:
        raise bad_uri("The skip token is not valid.") from bad
    if not isinstance(value, int) or value < 0:
        raise bad_uri("The skip token is not valid.")
    return value


def parse_order(text: str, kind: Kind) -> list[tuple[str, bool]]:
    found = []
    for item in text.split(","):
        words = item.split()
        if len(words) not in (1, 2) or words[1:] not in ([], ["asc"], ["desc"]):
            raise bad_uri(f"Syntax error at position 0 in '{text}'.")
        found.append((check_path(words[0], kind), words[1:] == ["desc"]))
    return found


def parse(pairs: Pairs, page_limit: int, kind: Kind = EVENT) -> Options:
    """The options of a query; parameters without a dollar are the route's own business."""
    options = Options(kind)
    seen: set[str] = set()
    for name, value in pairs:
        key = name.lower()
        if key in seen:
            raise bad_uri(f"Query option '{name}' was specified more than once, but it must be "
                          "specified at most once.")  # fmt: skip
        seen.add(key)
        if key == "$search":
            text = f"$search is not supported on {kind.name}s."
            raise GraphError(400, "ErrorInvalidParameter", text)
        if key.startswith("$") and key not in KNOWN:
            raise bad_uri(f"The query specified in the URI is not valid. Query option '{name}' "
                          "was not recognized.")  # fmt: skip
        if key.startswith("$"):
            take(options, key, value, page_limit)
    return options


def take(options: Options, key: str, value: str, page_limit: int) -> None:
    if key == "$select":
        names = [name.strip() for name in value.split(",")]
        options.select = [check_path(name, options.kind) for name in names if name]
    elif key == "$filter":
        options.filter = value
    elif key == "$orderby":
        options.orderby = parse_order(value, options.kind)
    elif key == "$top":
        options.top = min(number(value, "$top", 1), page_limit)
        if int(value) > LARGEST_PAGE:
            raise GraphError(400, "ErrorInvalidParameter", "The value of $top is too large.")
    elif key == "$skip":
        options.skip = number(value, "$skip", 0)
    elif key == "$skiptoken":
        options.skip = read_token(value)
    elif key == "$expand":
        options.expand = extras.parse(value)
    elif key == "$count":
        if value.lower() not in ("true", "false"):
            raise bad_uri("Invalid value for $count query option found.")
        options.wants_count = value.lower() == "true"


def unquote_literal(text: str) -> object:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in ("true", "false"):
        return text == "true"
    return None if text == "null" else text


def filled(moment: str) -> str:
    """A time with everything that it leaves out as zero."""
    text = moment.rstrip("Z")
    return text + "0000-00-00T00:00:00.0000000"[len(text) :]


def comparable(left: object, right: object) -> tuple[object, object]:
    """Both sides in a form that compares: times by their common length, numbers as numbers."""
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left, right
    if isinstance(left, (int, float)):
        try:
            return left, float(str(right))
        except ValueError:
            return str(left), str(right)
    left, right = str(left), str(right)
    if re.match(r"\d{4}-\d\d-\d\dT", left) and re.match(r"\d{4}-\d\d-\d\d", right):
        return filled(left), filled(right)
    return left.lower(), right.lower()


def matches_term(text: str, kind: Kind) -> Callable[[Row], bool]:
    match = TERM.match(text)
    if match is None:
        raise GraphError(400, "BadRequest", f"Invalid filter clause: syntax error in '{text}'.")
    if match["call"]:
        path, part = check_path(match["field"], kind), str(unquote_literal(match["part"])).lower()
        if match["call"] == "contains":
            return lambda row: part in str(value_at(row, path)).lower()
        return lambda row: str(value_at(row, path)).lower().startswith(part)
    path, operator = check_path(match["path"], kind), match["op"]
    wanted = unquote_literal(match["value"])

    def holds(row: Row) -> bool:
        left, right = comparable(value_at(row, path), wanted)
        if operator in ("eq", "ne"):
            return (left == right) == (operator == "eq")
        try:
            is_less = left < right  # type: ignore[operator]
        except TypeError:
            return False
        if left == right:
            return operator in ("ge", "le")
        return is_less == (operator in ("lt", "le"))

    return holds


def apply(options: Options, rows: list[Row]) -> list[Row]:
    """Filter and order; the page is cut afterwards."""
    if options.filter.strip():
        terms = [matches_term(term, options.kind) for term in AND.split(options.filter)]
        rows = [row for row in rows if all(term(row) for term in terms)]
    for path, is_descending in reversed(options.orderby):
        rows = sorted(
            rows,
            key=lambda row: str(value_at(row, path)).lower(),  # noqa: B023 (used at once)
            reverse=is_descending,
        )
    return rows


def select(options: Options, row: Row) -> Row:
    if not options.select:
        return row
    always = ("@odata.etag", "id")
    wanted = {path.split("/")[0] for path in options.select}
    chosen = {name: value for name, value in row.items() if name in wanted or name in always}
    return chosen | {name: None for name in wanted if name not in row}


def next_link(here: str, pairs: Pairs, skip: int, style: str) -> str:
    """The absolute address of the page after this one."""
    kept = [(n, v) for n, v in pairs if n.lower() not in ("$skip", "$skiptoken")]
    name, value = ("$skip", str(skip)) if style == "skip" else ("$skiptoken", make_token(skip))
    text = "&".join(f"{quote(n, safe='$')}={quote(v, safe='')}" for n, v in [*kept, (name, value)])
    return f"{here}?{text}"
