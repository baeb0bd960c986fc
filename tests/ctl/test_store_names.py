# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Names that a store cannot have, held against the tables that migrate really makes."""

import shutil
import sqlite3

import pytest


def store(name, table, column="user_id"):
    return (f"<GraphTokStore {name}>\nGraphTokTable {table}\nGraphTokUserColumn {column}\n"
            "</GraphTokStore>\n")


@pytest.fixture(name="config")
def config_fixture(machine):
    """Write httpd.conf with stores; its database is SQLite's."""
    folder = machine.frame.folder / "db"
    folder.mkdir()
    shutil.chown(folder, "www-data")

    def write(text):
        machine.configure(f"DBDriver sqlite3\nDBDParams {folder}/tokens.db\nDBDMin 0", text)
        return folder / "tokens.db"
    return write


def refused(machine):
    """What -t says of stores."""
    return [line for line in machine.frame.httpd.check()[2].splitlines() if ": store " in line]


def test_all_tables_and_columns_of_a_store_are_taken(machine, config):
    path = config(store("a", "t1"))
    assert machine.ctl("migrate", "--yes").returncode == 0
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        beside = [name for name in tables if name.startswith("t1_")]
        columns = {row[1] for name in ["t1", "t1_access", "t1_sessions"]
                   for row in db.execute(f"PRAGMA table_info({name})")} - {"user_id"}
    assert len(beside) >= 5 and len(columns) >= 30
    config(store("a", "t1") + "".join(store(f"b{i}", name) for i, name in enumerate(beside)))
    told = refused(machine)
    for name in beside:
        assert [f"has the table {name}, which store a has beside its own table t1" in line
                for line in told].count(True) == 1, name
    config("".join(store(f"c{i}", f"own{i}", name) for i, name in enumerate(sorted(columns))))
    told = refused(machine)
    for name in columns:
        assert [f"GraphTokUserColumn {name} has the name of a column" in line
                for line in told].count(True) == 1, name


@pytest.mark.parametrize("one, other, words", [
    ("t1", "public.t1", "GT0850 has the table public.t1, which is the table t1 of store a"),
    ("main.t1", "t1", "GT0850 has the table t1, which is the table main.t1 of store a"),
    ("app.T1", "t1", "GT0852 has the table t1, which may be the table app.T1 of store a"),
    ("app.t1", "other.t1", ""), ("app.t1", "other.t1_jobs", ""),
    ("t1_gone", "app.t1", "GT0852 has beside its table app.t1 one that is called as the table t1_gone of store a"),
    ("t1", "t1_more", ""), ("graphtok_ids", "t1", "GT0850 graphtok_ids, which all stores share"),
    ("t1", "app.graphtok_schema", "GT0850 app.graphtok_schema, which all stores share")])
def test_two_stores_that_may_have_one_table(machine, config, one, other, words):
    config(store("a", one) + store("b", other))
    told = refused(machine)
    assert len(told) == bool(words), told
    assert not words or (told[0].startswith(words[:6]) and words[7:] in told[0]), told
