# Licensed under the Apache License, Version 2.0; see LICENSE.
"""docs/tables.md, held against the tables that `graphtokctl migrate` really makes."""

import pathlib
import re

import pytest

from support.database import Database

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "docs/tables.md").read_text(encoding="utf-8")
STORE = """<GraphTokStore main>
    GraphTokMailSync on
    GraphTokSubscribe calendar
    GraphTokNotificationURL https://www.example.org/hooks
</GraphTokStore>"""
LIVE = {
    "sqlite3": "SELECT t.name, c.name, c.type FROM sqlite_master AS t "
               "JOIN pragma_table_info(t.name) AS c WHERE t.type IN ('table', 'view') "
               "AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid",
    "pgsql": "SELECT table_name, column_name, data_type FROM information_schema.columns "
             "WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"}


def documented(text, engine):
    """{table: [(column, type)]} of the reference, in its order."""
    place = {"pgsql": 1, "sqlite3": 2}[engine]
    return {name: [(row[0], row[place]) for row in
                   re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", part, re.M)]
            for name, part in re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", text, re.S | re.M)}


def differences(told, live):
    """What one has and the other has not."""
    facts = [{(table, *column) for table, columns in side.items() for column in columns}
             for side in (told, live)]
    return ([f"docs/tables.md: lacks {' '.join(fact)}" for fact in sorted(facts[1] - facts[0])]
            + [f"docs/tables.md: there is no {' '.join(fact)}"
               for fact in sorted(facts[0] - facts[1])])


def live_tables(machine, database):
    """{table: [(column, type)]} of a database that was migrated."""
    machine.configure(database.conf, STORE)
    done = machine.ctl("migrate", "--yes")
    assert done.returncode == 0, done.stderr
    found = {}
    for table, column, kind in database.sql(LIVE[database.engine]):
        found.setdefault(table, []).append((column, kind.lower() or "none"))
    return found


@pytest.mark.parametrize("engine", ["sqlite3", "pgsql"])
def test_every_table_and_column_is_in_the_reference(machine, postgres, engine):
    database = Database(engine, machine.frame.folder, postgres)
    live = live_tables(machine, database)
    told = documented(TEXT, engine)
    assert len(live) > 15 and not differences(told, live), "\n".join(differences(told, live))
    assert told == live, "the columns of docs/tables.md stand in another order"


def test_the_comparison_finds_what_differs():
    text = "## `a`\n| `b` | text | varchar | x |\n"
    assert documented(text, "pgsql") == {"a": [("b", "text")]}
    assert documented(text, "sqlite3") == {"a": [("b", "varchar")]}
    assert not differences({"a": [("b", "text")]}, {"a": [("b", "text")]})
    assert differences({"a": [("b", "text")]}, {"a": [("b", "bigint"), ("c", "text")]}) == [
        "docs/tables.md: lacks a b bigint", "docs/tables.md: lacks a c text",
        "docs/tables.md: there is no a b text"]


def test_a_column_that_is_called_encrypted_is_told_to_be_sealed():
    rows = re.findall(r"^\| `(\w*encrypted\w*)` \|.*\| ([^|]+) \|$", TEXT, re.M)
    assert len(rows) >= 6 and all(holds.startswith("**sealed**") for _, holds in rows), rows
    for name, part in re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", TEXT, re.S | re.M):
        assert "Written by: " in part, name
