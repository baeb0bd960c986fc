# Licensed under the Apache License, Version 2.0; see LICENSE.
"""DBDParams of PostgreSQL: what they leave without a limit is told of."""

import os
import shutil

import pytest

SOCKET = "host=/run/postgresql dbname=graphtok"
TCP = "host=db.example dbname=graphtok"
LOCAL = " connect_timeout=2 options='-c statement_timeout=2000'"
NETWORK = " tcp_user_timeout=5000 keepalives_idle=30 keepalives_interval=5 keepalives_count=3"


def told(frame, params, driver="pgsql"):
    """What `httpd -t` says of them."""
    checked = frame.check("", database=f'DBDriver {driver}\nDBDParams "{params}"\n')
    return [line for line in checked.warnings if "DBDParams" in line]


@pytest.mark.parametrize("params, missing", [
    (SOCKET, LOCAL), (TCP, LOCAL + NETWORK), ("dbname=graphtok", LOCAL),
    ("postgresql://db.example/graphtok", LOCAL + NETWORK),
    ("hostaddr=192.0.2.1 dbname=x" + LOCAL, NETWORK),
    ("host = 'db.example' connect_timeout = 2 dbname=x" + NETWORK,
     " options='-c statement_timeout=2000'"),
    ("dbname=my_connect_timeout=x options=''", " connect_timeout=2")])
def test_what_has_no_limit_is_named_with_a_value(frame, params, missing):
    lines = told(frame, params)
    assert len(lines) == 1
    assert f"DBDParams: add{missing}, so that" in lines[0] and "GT0852" in lines[0]
    assert str(frame.folder) in lines[0]


@pytest.mark.parametrize("params", [
    SOCKET + LOCAL, TCP + LOCAL + NETWORK, SOCKET + " connect_timeout=5 options=''",
    "postgresql://h/d?connect_timeout=2&options=-c%20statement_timeout%3D2000&tcp_user_timeout=9"
    "&keepalives_idle=1&keepalives_interval=1&keepalives_count=1"])
def test_params_with_limits_pass_in_silence(frame, params):
    assert told(frame, params) == []


def test_sqlite_has_limits_of_its_own(frame):
    if os.geteuid() == 0:
        shutil.chown(frame.folder, "www-data")
    assert told(frame, f"{frame.folder}/graphtok.db", "sqlite3") == []
