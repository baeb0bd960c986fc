# Licensed under the Apache License, Version 2.0; see LICENSE.
"""httpd's role in the database is another than the one that migrates; what docs/operating.md has an
administrator type is typed here."""

import pathlib
import re

import pytest

from support.browser import Browser
from support.database import Database
from support.place import Place

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs/operating.md"
ROLE = "web"
SETTINGS = "GraphTokCacheTime 1s\nGraphTokBackground on\n"
MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/health">
    SetHandler graphtok-health
</Location>
<Location "/tom">
    GraphTokUser static tom
    SetHandler graphtok-auth
</Location>
GraphTokLimit off
"""


def typed(heading, block=0):
    """A block of SQL below a heading of the documentation."""
    text = DOCS.read_text(encoding="utf-8").split(f" {heading}\n", 1)[1]
    return re.findall(r"```sql\n(.*?)```", text, re.S)[block]


@pytest.fixture(name="place")
def fixture_place(ground, sandbox, postgres, request):
    """A migrated store with a row of the present form, made by the role that owns the tables."""
    folder = ground / request.node.name[5:25]
    folder.mkdir(mode=0o755)
    made = Place(folder, sandbox, "event", "pgsql", Database("pgsql", folder, postgres),
                 SETTINGS, mounts=MOUNTS)
    made.add(["tom"], ends=4000)
    made.ctl("keys", "reencrypt")
    made.owner = made.database.params
    yield made
    made.end()
    made.database.sql(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def as_role(place, rights):
    """httpd with a role of its own."""
    place.database.sql(f"CREATE ROLE {ROLE} LOGIN; " + rights.replace("TO httpd", f"TO {ROLE}"))
    place.database.params = place.owner.replace("user=graphtok", f"user={ROLE}")
    place.configure()
    place.start()
    place.register("/auth", "/tom")


def forms(place):
    """How each user's tokens are sealed."""
    return {row[0]: row[1] for row in place.database.sql(
        "SELECT user_id, left(encrypted_refresh_token, 4) FROM user_tokens")}


def test_the_rights_of_the_documentation_are_enough(place, sandbox):
    as_role(place, typed("Rights in the database"))
    browser = Browser(sandbox.ca)
    assert browser.get(place.url + "/tom/user").status == 200
    assert browser.sign_in(place.url + "/auth/login").status == 200
    assert browser.get(place.url + "/health/microsoft/tokens").status == 200
    assert browser.post(place.url + "/auth/revoke").json["status"] == "revoked"
    assert set(forms(place).values()) == {"gt2."}
    for verb in (["status"], ["keys", "list"], ["keys", "reencrypt"], ["refresh", "--all"],
                 ["work", "--once"], ["cleanup"], ["revoke", "tom"]):
        place.ctl(*verb)
    assert "GT0410" not in place.httpd.log()


def test_rights_on_mail(place, sandbox):
    """A round that fails for its provider, whose token has no scope of mail, fails for nothing else."""
    place.configure(settings=SETTINGS + "<GraphTokStore main>\nGraphTokMailSync on\n</GraphTokStore>\n")
    place.ctl("migrate", "--yes")
    as_role(place, typed("Rights in the database") + typed("Rights in the database", 1))
    server = "imaps://localhost:1"
    place.ctl("account", "add", "ada@x.example", "--user", "tom", "--imap", server)
    done = place.ctl("sync", "1", check=False)
    assert "GT0626" in done.stderr and "GT0410" not in done.stderr, done
    for verb in (["account", "list"], ["account", "remove", "1"], ["keys", "list"], ["status"],
                 ["work", "--once"], ["cleanup"]):
        assert "GT0410" not in place.ctl(*verb).stderr
    assert "GT0410" not in place.httpd.log()


def test_ids_that_may_not_be_read_are_told_of_and_cost_no_token(place, sandbox):
    as_role(place, typed("Rights in the database").replace(", graphtok_ids TO", " TO"))
    kept = place.database.sql("SELECT encrypted_refresh_token FROM user_tokens")
    answer = Browser(sandbox.ca).get(place.url + "/tom/user")
    assert answer.status == 500 and answer.json["tag"] == "GT0410", answer
    place.httpd.log_has("GT0410: reading the ids of store main in graphtok_ids")
    done = place.ctl("keys", "reencrypt", check=False)
    assert done.returncode == 70 and "GT0410" in done.stderr, done
    assert place.database.sql("SELECT encrypted_refresh_token FROM user_tokens") == kept
    place.database.sql(f"GRANT SELECT ON graphtok_ids TO {ROLE}")
    assert Browser(sandbox.ca).get(place.url + "/tom/user").status == 200


def test_a_table_is_moved_as_the_documentation_says(place, sandbox):
    place.database.sql("CREATE SCHEMA app; BEGIN; " + typed("Moving or renaming a table") + "COMMIT")
    place.configure(settings=SETTINGS + "<GraphTokStore main>\nGraphTokTable app.grants\n"
                    "</GraphTokStore>\n")
    as_role(place, "GRANT USAGE ON SCHEMA app TO httpd; "
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO httpd")
    assert Browser(sandbox.ca).get(place.url + "/tom/user").status == 200
    assert "nothing to do" in place.ctl("migrate", "--yes").stdout
    place.ctl("status")
    place.ctl("refresh", "--all")
