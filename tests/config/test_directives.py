# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Every directive through the real httpd -t: good and bad values, contexts, merging, the dump."""

import os
import re
import subprocess

import pytest

from support import httpd as servers
from test_clients import CLIENT
from support.frame import LIMITS

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"

# directive, good value, what the dump then says under "config"
SERVER = [
    ("GraphTokPublicURL", "https://app.example/", "public_url", "https://app.example"),
    ("GraphTokPublicURL", "HTTPS://APP.Example:443/Portal/", "public_url",
     "https://app.example/Portal"),
    ("GraphTokCacheSlots", "64", "cache_slots", 64),
    ("GraphTokCacheSlotSize", "8K", "cache_slot_bytes", 8192),
    ("GraphTokCacheTime", "30s", "cache_time", "30s"),
    ("GraphTokLimitSlots", "2048", "limit_slots", 2048),
    ("GraphTokRefreshMargin", "10min", "refresh_margin", "10min"),
    ("GraphTokLease", "60", "lease", "1min"),
    ("GraphTokStateTime", "1h", "state_time", "1h"),
    ("GraphTokSessionTime", "2d", "session_time", "2d"),
    ("GraphTokSessionIdle", "20min", "session_idle", "20min"),
    ("GraphTokJournal", "/srv/journal", "journal", "/srv/journal"),
    ("GraphTokJournal", "off", "journal", "off"),
    ("GraphTokAudit", "/tmp/audit.log", "audit", "/tmp/audit.log"),
    ("GraphTokAudit", '"|/bin/cat -u"', "audit", "|/bin/cat -u"),
    ("GraphTokAuditHeads", "/tmp/heads", "audit_heads", "/tmp/heads"),
    ("GraphTokAuditHeads", '"|/bin/cat -u"', "audit_heads", "|/bin/cat -u"),
    ("GraphTokAuditHeads", "off", "audit_heads", "off"),
    ("GraphTokAuditRequired", "on", "audit_required", "on"),
    ("GraphTokMaxTransfers", "1", "max_transfers", 1),
    ("GraphTokDatabaseUsers", "1000", "db_users", 1000),
    ("GraphTokDatabaseWait", "500ms", "db_wait", "500ms"),
    ("GraphTokBackground", "off", "background", "off"),
    ("GraphTokRefreshAhead", "1s", "refresh_ahead", "1s"),
    ("GraphTokRefreshUsedWithin", "7d", "refresh_used_within", "7d"),
    ("GraphTokRefreshRate", "200", "refresh_rate", 200),
    ("GraphTokExpireAfter", "1h", "expire_after", "1h"),
    ("GraphTokCleanupAfter", "60d", "cleanup_after", "60d"),
    ("GraphTokValidateEvery", "1d", "validate_every", "1d"),
]

PROVIDER = [
    ("GraphTokRedirectURI", "https://app.example/in/", "redirect_uri", "https://app.example/in/"),
    ("GraphTokKind", "microsoft", "kind", "microsoft"),
    ("GraphTokTenant", GUID, "tenant", GUID),
    ("GraphTokClientID", "a-b.apps.example", "client_id", "a-b.apps.example"),
    ("GraphTokClientSecret", "env:SECRET", "client_secret", "env:SECRET"),
    ("GraphTokScope", 'openid "email User.Read"', "scope", "openid email User.Read"),
    ("GraphTokCloud", "us-dod", "cloud", "us-dod"),
    ("GraphTokAuthority", "http://127.0.0.1:8400/", "authority", "http://127.0.0.1:8400"),
    ("GraphTokAuthority", "https://LOGIN.MicrosoftOnline.com:443", "authority",
     "https://login.microsoftonline.com"),
    ("GraphTokGraphURL", "https://GRAPH.Microsoft.com/beta", "graph_url",
     "https://graph.microsoft.com/beta"),
    ("GraphTokGraphURL", "https://graph.example/v1.0", "graph_url", "https://graph.example/v1.0"),
    ("GraphTokProxy", "http://proxy.example:3128", "proxy", "http://proxy.example:3128"),
    ("GraphTokProxy", "http://[2001:db8::1]:3128 env:LOGIN", "proxy_login", "env:LOGIN"),
    ("GraphTokConnectTimeout", "1s", "connect_timeout", "1s"),
    ("GraphTokTimeout", "25s", "timeout", "25s"),
    ("GraphTokMailboxCalls", "0", "mailbox_calls", 0),
    ("GraphTokMailboxQueue", "500", "mailbox_queue", 500),
]

STORE = [
    ("GraphTokTable", "app.tokens", {"table": "app.tokens"}),
    ("GraphTokCipher", "fernet", {"cipher": "fernet"}),
    ("GraphTokUserColumn", "teacher_id", {"user_column": "teacher_id", "user_type": "text"}),
    ("GraphTokUserColumn", "uid uuid", {"user_column": "uid", "user_type": "uuid"}),
    ("GraphTokUserColumn", "uid integer REFERENCES app.users(id)",
     {"user_column": "uid", "user_type": "integer", "references": "app.users(id)"}),
    ("GraphTokUserColumn", "uid references users(id)", {"references": "users(id)"}),
]

LOCATION = [
    ("GraphTokUser", "static tom", {"user_from": "static", "user": "tom"}),
    ("GraphTokUser", 'static "Tom Müller"', {"user": "Tom Müller"}),
    ("GraphTokUser", "session", {"user_from": "session", "user": None}),
    ("GraphTokUser", "remote-user", {"user_from": "remote-user", "user": None}),
    ("GraphTokUser", '"expr=%{HTTP:X-User}"',
     {"user_from": "expr", "user_expr": "%{HTTP:X-User}", "user": None}),
    ("GraphTokUseProvider", "microsoft", {"provider": "microsoft"}),
    ("GraphTokUseStore", "main", {"store": "main"}),
    ("GraphTokReturnTo", "/start", {"return_to": "/start"}),
    ("GraphTokLogoutReturnTo", "/bye", {"logout_return_to": "/bye"}),
    ("GraphTokSignIn", "/auth", {"sign_in": "/auth"}),
    ("GraphTokPassCookie", "on", {"pass_cookie": "on"}),
    ("GraphTokSharedMailboxes", "ada@contoso.com *@fabrikam.com",
     {"shared_mailboxes": "ada@contoso.com *@fabrikam.com"}),
    ("GraphTokAllowOrigin", "HTTPS://App.Example:443 http://[::1]:8080 capacitor://localhost *",
     {"allow_origin": "https://app.example http://[::1]:8080 capacitor://localhost *"}),
    ("GraphTokAllowOrigin", "none", {"allow_origin": "none"}),
    ("GraphTokSessionRealm", "app", {"session_realm": "app"}),
    ("GraphTokReturnTo", "https://app.example/start", {"return_to": "https://app.example/start"}),
    ("GraphTokRequestMax", "64K", {"request_max": 65536}),
    ("GraphTokAnswerMax", "1M", {"answer_max": 1048576}),
    ("GraphTokPassToken", "off", {"pass_token": "off", "pass_name": None}),
    ("GraphTokPassToken", "header",
     {"pass_token": "header", "pass_name": "X-GraphTok-Token", "pass_missing": "sign-in"}),
    ("GraphTokPassToken", "env",
     {"pass_token": "env", "pass_name": "GRAPHTOK_TOKEN", "pass_resource": "graph"}),
    ("GraphTokPassToken", 'header "Api-Token_1" missing=refuse resource=graph',
     {"pass_name": "Api-Token_1", "pass_missing": "refuse"}),
    ("GraphTokPassToken", "env missing=none MY_TOKEN",
     {"pass_token": "env", "pass_name": "MY_TOKEN", "pass_missing": "none"}),
]

# line, the context it stands in, what the message must say
BAD = [
    ("GraphTokKeyring", "server", "takes one argument"),
    ("GraphTokKeyring file:", "server", "file: needs a path"),
    ("GraphTokPublicURL http://app.example", "server", "is not an https URL"),
    ("GraphTokPublicURL https://u:p@app.example", "server", "is not an https URL"),
    ("GraphTokCacheSlots 63", "server", "'63' is below the smallest, 64"),
    ("GraphTokCacheSlots 1048577", "server", "'1048577' is above the largest, 1048576"),
    ("GraphTokCacheSlots many", "server", "'many' is not a whole number"),
    ("GraphTokCacheSlotSize 1T", "server", "'1T' is not a size such as"),
    ("GraphTokCacheSlotSize 65K", "server", "'65K' is above the largest, 65536"),
    ("GraphTokCacheTime 2h", "server", "'2h' is above the largest, 1h"),
    ("GraphTokLimitSlots 1023", "server", "'1023' is below the smallest, 1024"),
    ("GraphTokRefreshMargin 9s", "server", "'9s' is below the smallest, 10s"),
    ("GraphTokBackground maybe", "server", "'maybe' is none of: off on"),
    ("GraphTokRefreshAhead 13h", "server", "'13h' is above the largest, 12h"),
    ("GraphTokRefreshRate 0", "server", "'0' is below the smallest, 1"),
    ("GraphTokCleanupAfter 59min", "server", "'59min' is below the smallest, 1h"),
    ("GraphTokJournal journal", "server", "'journal' is not a full path, or off"),
    ("GraphTokAudit /no/such/folder/log", "server", "there is no folder for /no/such/folder/log"),
    ("GraphTokAudit /tmp/", "server", "'/tmp/' is no file's path"),
    ("GraphTokAuditHeads /no/such/folder/x", "server", "there is no folder for /no/such/folder/x"),
    ("GraphTokAuditRequired perhaps", "server", "'perhaps' is none of: off on"),
    ("GraphTokLease 1s", "server", "'1s' is below the smallest, 2s"),
    ("GraphTokStateTime soon", "server", "'soon' is not a span such as"),
    ("GraphTokSessionTime 31d", "server", "'31d' is above the largest, 30d"),
    ("GraphTokMaxTransfers 0", "server", "'0' is below the smallest, 1"),
    ("GraphTokDatabaseUsers -1", "server", "'-1' is below the smallest, 1"),
    ("GraphTokDatabaseWait 2min", "server", "'2min' is above the largest, 1min"),
    ("GraphTokKind entra", "provider", "'entra' is none of: microsoft google openid"),
    ("GraphTokDiscovery http://id.example", "provider", "is not an https URL"),
    ("GraphTokKind", "provider", "takes one argument"),
    ("GraphTokTenant a/b", "provider", "'a/b' is not a tenant"),
    ("GraphTokClientID", "provider", "takes one argument"),
    ('GraphTokClientID "a b"', "provider", "'a b' is not an application (client) id"),
    ("GraphTokClientSecret env:1X", "provider", "env: needs the name"),
    ("GraphTokClientSecret /etc/graphtok/secret", "provider",
     "did you mean file:/etc/graphtok/secret?"),
    ("GraphTokKeyring /etc/graphtok/keyring", "server", "did you mean file:/etc/graphtok/keyring?"),
    ("GraphTokClientSecret exec:vault", "provider", "exec: needs a command with its full path"),
    ("GraphTokScope", "provider", "it must have 1 to"),
    ("GraphTokScope open\\id", "provider", "is not a list of scopes"),
    ("GraphTokAuthority login.example", "provider", "is not an https URL"),
    ("GraphTokGraphURL https://g.example/?v=1", "provider", "is not an https URL"),
    ("GraphTokCAFile /no/such.pem", "provider", "there is no file /no/such.pem"),
    ("GraphTokProxy http://proxy.example", "provider", "is not a proxy's address"),
    ("GraphTokProxy http://proxy.example:3128/", "provider", "is not a proxy's address"),
    ("GraphTokProxy http://u:p@proxy.example:3128", "provider", "is not a proxy's address"),
    ("GraphTokProxy https://proxy.example:3128", "provider", "is not a proxy's address"),
    ("GraphTokProxy http://proxy.example:3128 file:", "provider", "file: needs a path"),
    ("GraphTokConnectTimeout 1ms", "provider", "'1ms' is below the smallest, 100ms"),
    ("GraphTokTimeout 6min", "provider", "'6min' is above the largest, 5min"),
    ("GraphTokMailboxCalls -1", "provider", "'-1' is below the smallest, 0"),
    ("GraphTokMailboxCalls 1001", "provider", "'1001' is above the largest, 1000"),
    ("GraphTokMailboxQueue -1", "provider", "'-1' is below the smallest, 0"),
    ("GraphTokMailboxQueue 10001", "provider", "'10001' is above the largest, 10000"),
    ("GraphTokTenantClient contoso.com a-b env:SECRET", "provider", "'contoso.com' is not a tenant's"),
    ("GraphTokAllowedTenants contoso.com", "provider", "is not a list of tenant GUIDs"),
    ("GraphTokTable a;b", "store", "'a;b' is not a table's name"),
    ("GraphTokCipher rot13", "store", "'rot13' is none of: aes-256-gcm fernet"),
    ("GraphTokUserColumn a.b", "store", "'a.b' is not a column's name"),
    ("GraphTokUserColumn a int", "store", "'int' is not one of: text integer uuid"),
    ("GraphTokUserColumn a text REFERENCES users", "store", "'users' is not table(column)"),
    ("GraphTokUserColumn a text more", "store", "'more' is one word too many"),
    ("GraphTokUser static", "location", "GraphTokUser static needs a user"),
    ("GraphTokUser session tom", "location", "session takes no name"),
    ("GraphTokUser expr=%{HTTP:X-User", "location", "GraphTokUser expr=%{HTTP:X-User: "),
    ("GraphTokUser expr=%{no_such_function:x}", "location", "no_such_function"),
    ("GraphTokUser expr=", "location", "it must have 1 to"),
    ("GraphTokUser expr", "location", "GraphTokUser expr= needs one expression"),
    ("GraphTokUser expr=a tom", "location", "GraphTokUser expr= needs one expression"),
    ("GraphTokUser jwt", "location", "GraphTokUser jwt needs the name of a <GraphTokJWT NAME>"),
    ("GraphTokUser jwt nobody", "location", "GraphTokUser jwt: there is no <GraphTokJWT nobody>"),
    ("GraphTokUser password", "location", "'password' is none of: static session remote-user expr jwt"),
    ("GraphTokUseProvider yahoo", "location", "there is no <GraphTokProvider yahoo>"),
    ("GraphTokUseStore beta", "location", "there is no <GraphTokStore beta>"),
    ("GraphTokRoutes login nowhere", "location", "(graphtok-admin); login callback token tokens revoke logout frontchannel backchannel user admin-consent (graphtok-auth); calendar "),
    ("GraphTokRoutes", "location", "it must have 1 to"),
    ("GraphTokAllowOrigin", "location", "GraphTokAllowOrigin needs: ORIGIN"),
    ("GraphTokAllowOrigin null", "location", "'null' is what frames and files of any site send"),
    ("GraphTokAllowOrigin https://*.app.example", "location", "stands for many hosts"),
    ("GraphTokAllowOrigin https://app.example/", "location", "'https://app.example/' is no origin"),
    ("GraphTokAllowOrigin app.example", "location", "'app.example' is no origin"),
    ("GraphTokAllowOrigin https://a.example none", "location", "'none' is no origin"),
    ("GraphTokSignIn auth", "location", "'auth' is not the path of a place with SetHandler"),
    ("GraphTokSignIn //evil.example", "location", "is not the path of a place"),
    ("GraphTokSignIn /nowhere", "location", "there is no SetHandler graphtok-auth at /nowhere"),
    ("GraphTokReturnTo //evil.example", "location", "is not a path of this server"),
    ("GraphTokLogoutReturnTo //evil.example", "location", "is not a path of this server"),
    ("GraphTokReturnTo http://app.example/", "location", "is not a path of this server"),
    ("GraphTokRequestMax 1", "location", "'1' is below the smallest, 1024"),
    ("GraphTokAnswerMax 2G", "location", "'2G' is above the largest, 1073741824"),
    ("GraphTokLimit", "location", "GraphTokLimit needs"),
    ("GraphTokLimit off login 1/min", "location", "GraphTokLimit off stands alone"),
    ("GraphTokLimit tea 1/min", "location", "'tea' is none of: off on login callback user"),
    ("GraphTokPassToken", "location", "'' is none of: off header env"),
    ("GraphTokPassToken cookie", "location", "'cookie' is none of: off header env"),
    ("GraphTokPassToken off X", "location", "GraphTokPassToken off stands alone"),
    ("GraphTokPassToken header A-B:", "location", "'A-B:' may hold letters, digits, - and _ only"),
    ("GraphTokPassToken env A-B", "location", "'A-B' may hold letters, digits and _ only"),
    ("GraphTokPassToken env 1A", "location", "'1A' must begin with a letter"),
    ('GraphTokPassToken header ""', "location", "'' must begin with a letter"),
    (f"GraphTokPassToken header {'a' * 65}", "location", "it must have 1 to 64 characters"),
    ("GraphTokPassToken env HTTP_TOKEN", "location", "is where CGI puts what clients send"),
    ("GraphTokPassToken header authorization", "location", "is a field that requests need"),
    ("GraphTokPassToken env CONTENT_LENGTH", "location", "is a field that requests need"),
    ("GraphTokPassToken header resource=mail", "location", "'mail' is none of: graph"),
    ("GraphTokPassToken header missing=ask", "location", "'ask' is none of: sign-in refuse none"),
    ("GraphTokPassToken header mising=none", "location", "'mising=none' is neither a NAME nor"),
    ("GraphTokUseClient nobody", "location", "there is no <GraphTokClient nobody>"),
    ("GraphTokLimit events", "location", "GraphTokLimit events lacks its value"),
    ("GraphTokLimit events 0/min", "location", "'0/min' is neither COUNT/SPAN"),
    ("GraphTokLimit events 5/never", "location", "'5/never' is neither COUNT/SPAN"),
]


def auth(*lines):
    """A mounted sign-in with more lines in its Location."""
    return '<Location "/auth">\nSetHandler graphtok-auth\n' + "\n".join(lines) + "\n</Location>\n"


def mount(checked, path="/auth"):
    """The dump of one mount."""
    return next(m for m in checked.dump["mounts"] if m["path"] == path)


@pytest.mark.parametrize("directive,value,member,expected", SERVER, ids=[r[0] for r in SERVER])
def test_server_directives(frame, directive, value, member, expected):
    checked = frame.check(f"{directive} {value}")
    assert checked.dump["config"][member] == expected


@pytest.mark.parametrize("directive,value,member,expected", PROVIDER, ids=[r[0] for r in PROVIDER])
def test_provider_directives(frame, directive, value, member, expected):
    frame.httpd.environment = {"SECRET": "x"}
    checked = frame.check(provider=frame.provider(f"{directive} {value}"))
    assert checked.dump["config"]["providers"][0][member] == expected


def test_provider_with_files_and_tenants(frame):
    frame.write_authority("ca.pem")
    checked = frame.check(provider=frame.provider(
        f"GraphTokTenant organizations\nGraphTokAllowedTenants {GUID} {GUID}\n"
        "GraphTokCAFile ca.pem"))
    provider = checked.dump["config"]["providers"][0]
    assert provider["allowed_tenants"] == f"{GUID} {GUID}"
    assert provider["ca_file"] == str(frame.folder / "ca.pem")
    assert not checked.warnings


@pytest.mark.parametrize("directive,value,expected", STORE, ids=[r[1] for r in STORE])
def test_store_directives(frame, directive, value, expected):
    checked = frame.check(f"<GraphTokStore main>\n{directive} {value}\n</GraphTokStore>")
    store = checked.dump["config"]["stores"][0]
    assert {key: store[key] for key in expected} == expected
    assert store["where"] == f"{checked.conf}:{checked.line_of('<GraphTokStore')}"


@pytest.mark.parametrize("directive,value,expected", LOCATION, ids=[r[1] for r in LOCATION])
def test_location_directives(frame, directive, value, expected):
    checked = frame.check(auth(f"{directive} {value}", "Require valid-user"))
    settings = mount(checked)["settings"]
    assert {key: settings[key] for key in expected} == expected


@pytest.mark.parametrize("line,context,message", BAD, ids=[r[0] for r in BAD])
def test_bad_values_are_named_with_their_line(frame, line, context, message):
    if context == "provider":
        checked = frame.check(provider=frame.provider(line))
    elif context == "store":
        checked = frame.check(f"<GraphTokStore main>\n{line}\n</GraphTokStore>")
    elif context == "location":
        checked = frame.check(auth(line))
    else:
        checked = frame.check(line)
    assert checked.code == 1
    assert message in checked.err
    number = checked.line_of("<GraphTokProvider" if "CAFile" in line else line)
    assert re.search(rf"line {number} of {checked.conf}|{checked.conf}:{number}:", checked.err)
    assert checked.out == ""


@pytest.mark.parametrize("url", ["https://graph.microsoft.com", "https://Graph.Microsoft.us/v1",
                                 "https://microsoftgraph.chinacloudapi.cn/v1.0/me"])
def test_graph_has_a_version(frame, url):
    checked = frame.check(provider=frame.provider(f"GraphTokGraphURL {url}"))
    assert checked.code == 1 and "must end with Graph's version: /v1.0 or /beta" in checked.err
    assert f"{checked.conf}:{checked.line_of('<GraphTokProvider')}:" in checked.err


def test_a_gateway_may_add_graphs_version(frame):
    checked = frame.check(provider=frame.provider("GraphTokGraphURL https://gateway.example"))
    assert checked.ok and ["has no version" in line for line in checked.warnings] == [True]
    checked = frame.check(provider=frame.provider("GraphTokGraphURL https://gateway.example/graph"))
    assert checked.ok and not checked.warnings


@pytest.mark.parametrize("kind, caller, fits", [
    ("integer", "session", False), ("uuid", "session", False), ("text", "session", True),
    ("integer", "static tom", False), ("integer", "static 7", True), ("uuid", "static 7", False),
    ("integer", "static 007", False), ("uuid", f"static {GUID}", True),
    ("integer", "remote-user", True), ("integer", "expr=%{REMOTE_USER}", True)])
@pytest.mark.parametrize("handler", ["auth", "calendar"])
def test_callers_are_of_the_stores_type(frame, kind, caller, fits, handler):
    checked = frame.check(
        f"<GraphTokStore main>\nGraphTokUserColumn uid {kind}\n</GraphTokStore>\n"
        f'<Location "/x">\nSetHandler graphtok-{handler}\nGraphTokUser {caller}\n'
        "Require valid-user\n</Location>")
    assert checked.ok == fits, checked.err
    if not fits:
        assert f"is no {kind}, which GraphTokUserColumn of store main wants" in checked.err
        assert f"{checked.conf}:{checked.line_of(f'SetHandler graphtok-{handler}')}:" in checked.err


@pytest.mark.parametrize("opening,closing", [
    ("<VirtualHost *:80>", "</VirtualHost>"), ('<Location "/x">', "</Location>"),
    ("<Directory /x>", "</Directory>"), ("<GraphTokProvider other>", "</GraphTokProvider>"),
    ("<GraphTokStore other>", "</GraphTokStore>")])
@pytest.mark.parametrize("line", ["GraphTokLease 1min", "<GraphTokProvider p>\n</GraphTokProvider>",
                                  "<GraphTokStore s>\n</GraphTokStore>"])
def test_server_directives_stand_in_the_main_server(frame, opening, closing, line):
    checked = frame.check(f"{opening}\n{line}\n{closing}")
    assert checked.code == 1
    assert re.search("cannot occur within|must not stand inside|not allowed in <", checked.err)


@pytest.mark.parametrize("line,container", [
    ("GraphTokTenant x", "GraphTokProvider"), ("GraphTokScope openid", "GraphTokProvider"),
    ("GraphTokTable x", "GraphTokStore"), ("GraphTokUserColumn x", "GraphTokStore")])
def test_inner_directives_stand_in_their_container(frame, line, container):
    for text in (line, f"<GraphTokStore s>\n{line}\n</GraphTokStore>",
                 frame.provider(line, "other"), f"<VirtualHost *:80>\n{line}\n</VirtualHost>"):
        if f"<{container}" in text:
            continue
        checked = frame.check(text)
        assert checked.code == 1
        assert f"must stand inside <{container} NAME>" in checked.err
        assert f"line {checked.line_of(line)} of" in checked.err


def test_other_directives_are_refused_in_a_container(frame):
    checked = frame.check(provider=frame.provider("ServerAdmin x@y"))
    assert "ServerAdmin must not stand inside <GraphTokProvider>" in checked.err
    assert f"line {checked.line_of('ServerAdmin')} of" in checked.err


@pytest.mark.parametrize("text,message", [
    ("<GraphTokProvider>\n</GraphTokProvider>", "needs one name"),
    ("<GraphTokProvider a b>\n</GraphTokProvider>", "needs one name"),
    ("<GraphTokProvider a\n</GraphTokProvider>", "missing closing '>'"),
    ("<GraphTokStore ../x>\n</GraphTokStore>", "'../x' is not a name"),
    ("<GraphTokStore beta>\n</GraphTokStore>\n<GraphTokStore beta>\n</GraphTokStore>",
     "store beta is defined already, at "),
    ("<GraphTokStore main>\n</GraphTokStore>\n<GraphTokStore main>\n</GraphTokStore>",
     "store main is defined already, at "),
    ("<GraphTokProvider microsoft>\n</GraphTokProvider>",
     "provider microsoft is defined already, at ")])
def test_containers_have_one_name_each(frame, text, message):
    checked = frame.check(text)
    assert checked.code == 1
    assert message in checked.err


def test_containers_may_be_wrapped_and_quoted(frame):
    checked = frame.check('<IfModule mod_dbd.c>\n<GraphTokStore "beta">\n<IfDefine !NOT>\n'
                          "GraphTokTable beta\n</IfDefine>\n</GraphTokStore>\n</IfModule>")
    assert [s["table"] for s in checked.dump["config"]["stores"]] == ["user_tokens", "beta"]


def test_location_directives_are_not_for_htaccess(frame):
    """Such a file belongs to users; secrets and exec: must stay out of their reach."""
    source = (servers.pathlib.Path(__file__).resolve().parents[2]
              / "mod_graphtok/httpd/config/directives.c").read_text()
    assert "OR_" not in re.sub(r"/\*.*?\*/", "", source, flags=re.S)
    checked = frame.check('<Location "/x">\n<Limit GET>\nGraphTokLimit off\n</Limit>\n</Location>')
    assert checked.code == 1 and "cannot occur within" in checked.err


def test_settings_merge_from_server_to_host_to_location(frame):
    frame.httpd.write("")
    checked = frame.check(f"""
GraphTokRequestMax 2K
GraphTokLimit events 1/min create 2/h
<Location "/auth">
    SetHandler graphtok-auth
    GraphTokReturnTo /outer
</Location>
<VirtualHost 127.0.0.1:{frame.httpd.port}>
    ServerName host.example
    GraphTokAnswerMax 3K
    GraphTokUser static tom
    <Location "/auth">
        SetHandler graphtok-auth
        GraphTokLimit events off
        Require valid-user
    </Location>
    <Location "/auth/deep">
        SetHandler graphtok-calendar
        GraphTokUser session
        GraphTokReturnTo /inner
        GraphTokLimit off
    </Location>
</VirtualHost>
""")
    outer = next(m for m in checked.dump["mounts"] if m["host"] is None)
    host = next(m for m in checked.dump["mounts"] if m["host"] and m["path"] == "/auth")
    deep = mount(checked, "/auth/deep")
    assert outer["settings"]["request_max"] == 2048
    assert outer["settings"]["answer_max"] == 10 * 1024 * 1024
    assert outer["settings"]["user_from"] == "session"
    assert outer["settings"]["limits"]["events"] == "1/min"
    assert not outer["has_require"]
    assert host["host"] == "host.example" and host["has_require"]
    assert host["settings"]["request_max"] == 2048
    assert host["settings"]["answer_max"] == 3072
    assert host["settings"]["user"] == "tom"
    assert host["settings"]["return_to"] == "/outer"
    assert host["settings"]["limits"]["events"] == "off"
    assert host["settings"]["limits"]["create"] == "2/h"
    assert host["settings"]["limits"]["login"] == "10/min"
    assert deep["settings"]["user_from"] == "session" and deep["settings"]["user"] is None
    assert deep["settings"]["return_to"] == "/inner"
    assert deep["settings"]["limiting"] == "off"
    assert deep["has_require"]


def test_passing_is_one_setting(frame):
    """What an outer section says of name and missing is not mixed with an inner one's."""
    checked = frame.check("GraphTokPassToken header Outer-Token missing=none\n"
                          + auth("GraphTokPassToken env")
                          + '<Location "/cal">\nSetHandler graphtok-calendar\n</Location>\n'
                          '<Location "/cal/deep">\nSetHandler graphtok-calendar\n'
                          "GraphTokPassToken off\n</Location>")
    settings = mount(checked)["settings"]
    assert (settings["pass_token"], settings["pass_name"], settings["pass_missing"]) \
        == ("env", "GRAPHTOK_TOKEN", "sign-in")
    assert mount(checked, "/cal")["settings"]["pass_name"] == "Outer-Token"
    assert mount(checked, "/cal/deep")["settings"]["pass_token"] == "off"
    assert {"Outer-Token", "Outer-Token-User", "X-GraphTok-Token"} \
        <= set(checked.dump["stripped"])


def test_passing_needs_a_provider(frame):
    checked = frame.check('<Location "/app">\nGraphTokPassToken env\n</Location>', provider="")
    assert checked.code == 1
    assert "GraphTokPassToken: there is no <GraphTokProvider NAME>" in checked.err


def test_limits_can_be_switched_back_on(frame):
    checked = frame.check("GraphTokLimit off\n" + auth("GraphTokLimit login 3/10s")
                          + '<Location "/calendar">\nSetHandler graphtok-calendar\n'
                            "GraphTokLimit on\n</Location>")
    one = mount(checked)["settings"]
    assert (one["limiting"], one["limits"]["login"], one["limits"]["user"]) == ("on", "3/10s", "off")
    two = mount(checked, "/calendar")["settings"]
    assert (two["limiting"], two["limits"]["events"]) == ("on", "200/min")


def test_O7_default_limits(frame):
    assert mount(frame.check(auth()))["settings"]["limits"] == {
        "login": "10/min", "callback": "20/h", "user": "100/min", "calendar": "100/min",
        "events": "200/min", "create": "50/min", "update": "50/min", "delete": "50/min",
        "exchange": "600/min", "send": "30/min", "graph": "600/min"}


def test_mounts_are_found_wherever_they_stand(frame):
    (frame.folder / "more.conf").write_text(
        '<Location "/two/deep/">\nSetHandler "graphtok-health"\n</Location>\n')
    checked = frame.check("""
Include more.conf
<IfModule mod_dbd.c>
<Location /one>
    <If "true">
        sethandler graphtok-calendar
    </If>
</Location>
</IfModule>
<Location "/">
    SetHandler graphtok-auth
</Location>
<Location "/one">
    SetHandler graphtok-auth
</Location>
""")
    found = [(m["path"], m["handler"]) for m in checked.dump["mounts"]]
    assert found == [("/two/deep", "graphtok-health"), ("/one", "graphtok-auth"),
                     ("", "graphtok-auth")]
    assert checked.dump["mounts"][0]["where"] == f"{frame.folder}/more.conf:2"


@pytest.mark.parametrize("text,message", [
    ('<LocationMatch "^/auth">\nSetHandler graphtok-auth\n</LocationMatch>',
     "<LocationMatch> has no fixed path"),
    ('<Location ~ "^/auth">\nSetHandler graphtok-auth\n</Location>', "has no fixed path"),
    ('<Location "/a*">\nSetHandler graphtok-auth\n</Location>', "has no fixed path"),
    ("<Directory /srv>\nSetHandler graphtok-auth\n</Directory>", "<Directory> has no fixed path"),
    ('<Location "/auth">\n<Files x>\nSetHandler graphtok-auth\n</Files>\n</Location>', "Files"),
    ('<Location "/auth">\nSetHandler graphtok-tea\n</Location>',
     "'graphtok-tea' is none of: graphtok-admin graphtok-auth graphtok-calendar graphtok-exchange "
     "graphtok-graph graphtok-health graphtok-mail graphtok-metrics graphtok-tokens graphtok-webhook")])
def test_mounts_need_a_fixed_path_and_a_handler_of_ours(frame, text, message):
    checked = frame.check(text)
    assert checked.code == 1
    assert message in checked.err


def test_mistakes_in_a_host_name_it(frame):
    text = "<VirtualHost *:80>\nServerName host.example\n" + auth("%s") + "</VirtualHost>"
    checked = frame.check(text % "GraphTokUseStore beta")
    assert "there is no <GraphTokStore beta> (virtual host host.example)" in checked.err
    checked = frame.check(text % "GraphTokRequestMax 1")
    assert f"(in the virtual host of {checked.conf}:{checked.line_of('<VirtualHost')})" \
        in checked.err


def test_routes_of_another_handler_are_told(frame):
    checked = frame.check(auth("GraphTokRoutes login next24 health"))
    told = [line for line in checked.warnings if "GraphTokRoutes" in line]
    assert len(told) == 2 and len(checked.warnings) == 2, checked.err
    assert checked.ok, checked.err
    assert "at /auth: graphtok-auth has no route 'next24', but: login callback token" in told[0]
    assert f":{checked.line_of('SetHandler')}:" in told[0] and "'health'" in told[1]
    # One list above several handlers serves each of them.
    above = '<Location "/">\nGraphTokRoutes login {}\n</Location>\n'
    both = auth() + '<Location "/c">\nSetHandler graphtok-calendar\n</Location>'
    assert not frame.check(above.format("next24") + both).warnings
    told = frame.check(above.format("bulk") + both).warnings
    assert told and all("has no route 'bulk'" in line for line in told)


def test_origins_that_are_unwise_or_in_vain_are_told(frame):
    checked = frame.check(auth("GraphTokAllowOrigin http://app.example https://b.example"))
    assert checked.ok and len(checked.warnings) == 1
    assert "pages of http://app.example come without TLS" in checked.warnings[0]
    assert f":{checked.line_of('GraphTokAllowOrigin')}:" in checked.warnings[0]
    checked = frame.check(auth() + '<Location "/app">\nGraphTokAllowOrigin https://a.example\n'
                          '</Location>\n<Location "/auth/token">\n'
                          'GraphTokAllowOrigin http://localhost:3000\n</Location>')
    assert checked.ok and len(checked.warnings) == 1
    assert "there is no SetHandler graphtok-auth or the like here" in checked.warnings[0]


def test_a_client_id_that_entra_does_not_know_is_told(frame):
    provider = re.sub(r"GraphTokClientID \S+", "GraphTokClientID foo", frame.provider())
    checked = frame.check(auth(), provider=provider)
    assert checked.ok and len(checked.warnings) == 1
    assert "GraphTokClientID 'foo' is none of Entra's ids, which are GUIDs" in checked.warnings[0]


def test_health_that_everybody_may_read_is_told(frame):
    place = '<Location "/health">\nSetHandler graphtok-health\n{}\n</Location>'
    for more, lines, counts in (
            ("", 1, 1), ("Require all granted", 1, 1), ("Require local", 0, 0),
            ("GraphTokRoutes live ready", 0, 0), ("GraphTokRoutes ready health", 1, 0),
            ("GraphTokRoutes live oauth-tokens", 1, 1)):
        checked = frame.check(place.format(more))
        assert checked.ok and not checked.warnings
        assert checked.err.count("at /health without Require: the whole world") == lines, more
        assert checked.err.count("how many users have signed in") == counts, more


def test_several_providers_must_be_chosen_from(frame):
    two = frame.provider() + frame.provider(name="second")
    checked = frame.check(auth(), provider=two)
    assert checked.code == 1
    assert "several providers are configured; say which with GraphTokUseProvider" in checked.err
    checked = frame.check("GraphTokUseProvider second\n" + auth(), provider=two)
    assert mount(checked)["settings"]["provider"] == "second"


def test_a_module_that_is_only_loaded_stops_nothing(frame):
    checked = frame.check(provider="", database="", keyring="")
    assert checked.ok and not checked.warnings
    assert checked.dump["mounts"] == []
    checked = frame.check(auth(), provider="", database="", keyring="")
    assert "there is no <GraphTokProvider NAME>" in checked.err and checked.code == 1


def test_the_database_is_the_main_servers(frame):
    host = f'<VirtualHost *:80>\n{frame.database.replace("127.0.0.1", "10.0.0.1")}</VirtualHost>\n'
    checked = frame.check(host)
    config = checked.dump["config"]
    assert config["db_driver"] == "pgsql"
    assert config["db_params"] == f"host=127.0.0.1 dbname=graphtok password=*** {LIMITS}"
    assert config["db_params_where"] == f"{checked.conf}:{checked.line_of('DBDParams')}"
    checked = frame.check(database="")
    assert checked.code == 1 and "there is no database" in checked.err


@pytest.mark.parametrize("lines,text", [
    ("GraphTokUser static tom", "every client acts as the static user tom"),
    ("GraphTokUser static tom\nRequire all granted", "every client acts as"),
    ("GraphTokUser remote-user", "without Require or AuthType: no user is known")])
def test_open_mounts_are_warned_of(frame, lines, text):
    checked = frame.check(auth(lines))
    assert checked.ok and len(checked.warnings) == 1
    assert text in checked.warnings[0] and f":{checked.line_of('SetHandler')}:" in checked.warnings[0]
    for guard in ("AuthType Basic\nRequire valid-user", "<RequireAny>\nRequire ip 127.0.0.1\n</RequireAny>"):
        assert not frame.check(auth("GraphTokUser static tom", guard)).warnings
    outer = '<Location "/">\nAuthType Basic\nRequire valid-user\n</Location>\n'
    assert not frame.check(outer + auth("GraphTokUser static tom")).warnings


STORE_BETA = "<GraphTokStore beta>\nGraphTokTable beta_tokens\n</GraphTokStore>\n"
CALENDAR = '<Location "/calendar">\nSetHandler graphtok-calendar\n{}\n</Location>\n'
APPLICATION = '<Location "/app">\nGraphTokPassToken header\n{}\n</Location>\n'


@pytest.mark.parametrize("place, what", [(CALENDAR, "SetHandler graphtok-calendar at /calendar"),
                                         (APPLICATION, "GraphTokPassToken at /app")])
def test_a_place_signs_in_for_its_own_store_and_provider(frame, place, what):
    there = auth("GraphTokUseProvider microsoft")
    beta = STORE_BETA + there + place.format("GraphTokSignIn /auth\nGraphTokUseStore {}\n"
                                             "GraphTokUseProvider {}")
    providers = frame.provider() + frame.provider(name="second")
    assert frame.check(beta.format("main", "microsoft"), provider=providers).ok
    for store, provider in (("beta", "microsoft"), ("main", "second")):
        checked = frame.check(beta.format(store, provider), provider=providers)
        line = checked.line_of(what.split(" at ", maxsplit=1)[0])
        assert checked.code == 1 and (
            f"httpd.conf:{line}: {what}: GraphTokSignIn: a sign-in at /auth is for provider microsoft "
            f"and store main, this place uses provider {provider} and store {store}") in checked.err


@pytest.mark.parametrize("user", ["static ada", "remote-user"])
def test_a_sign_in_begins_the_sessions_that_a_place_knows(frame, user):
    other = auth(f"GraphTokUser {user}")
    assert frame.check(other + CALENDAR.format(f"GraphTokSignIn /auth\nGraphTokUser {user}")).ok
    checked = frame.check(other + CALENDAR.format("GraphTokSignIn /auth"))
    assert checked.code == 1 and "a sign-in at /auth begins no session" in checked.err


def test_a_sign_in_of_another_host_is_none(frame):
    host = ("<VirtualHost *:80>\nServerName {}.example\n{}</VirtualHost>\n")
    text = host.format("a", auth()) + host.format("b", CALENDAR.format("GraphTokSignIn /auth"))
    checked = frame.check(text)
    assert checked.code == 1
    assert "there is no SetHandler graphtok-auth at /auth (virtual host b.example)" in checked.err


def test_a_virtual_host_with_another_store_is_told(frame):
    text = (STORE_BETA + auth("GraphTokUseStore main") + CALENDAR.format("GraphTokSignIn /auth") +
            "<VirtualHost *:80>\nServerName b.example\nGraphTokUseStore beta\n</VirtualHost>\n")
    checked = frame.check(text)
    assert checked.code == 1 and "store beta; name a place with the same two (virtual host b.example)" in checked.err


def nameless(frame, text, main=""):
    """Warnings of names, without a ServerName but those of the text."""
    checked = frame.check(text + auth())
    conf = frame.httpd.conf
    conf.write_text(re.sub(r"(?m)^ServerName .*\n", main, conf.read_text(), count=1))
    code, _, told = frame.httpd.check()
    assert checked.ok and code == 0
    return [line for line in told.splitlines() if "has no ServerName" in line]


def test_hosts_without_a_name_are_warned_of(frame):
    host = "<VirtualHost *:{port}>\n{inside}\n</VirtualHost>\n"
    without = host.format(port=frame.httpd.port, inside=f"DocumentRoot {frame.folder}/htdocs")
    assert len(nameless(frame, "")) == 1
    lines = nameless(frame, without)
    assert len(lines) == 1 and "httpd.conf:" in lines[0] and "GT0815" in lines[0]
    assert not nameless(frame, without, main="ServerName www.example\n")  # inherited
    assert not nameless(frame, host.format(port=frame.httpd.port, inside="ServerName a.example"))
    assert not nameless(frame, without + "GraphTokPublicURL https://www.example\n")


def test_secrets_in_the_configuration_are_warned_of(frame):
    provider = frame.provider('GraphTokClientSecret "the-client-secret-itself"')
    key = "GraphTokKeyring AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    checked = frame.check(provider=provider, keyring=key)
    assert checked.dump["config"]["keyring"] == ["literal"]
    assert checked.dump["config"]["providers"][0]["client_secret"] == "literal"
    assert sum("stands in the configuration itself" in line for line in checked.warnings) == 2


def test_a_secret_that_is_away_is_only_warned_of(frame):
    frame.secret.unlink()
    frame.keyring.unlink()
    checked = frame.check(auth())
    assert checked.ok and len(checked.warnings) == 2
    assert all("cannot be found now" in line for line in checked.warnings)


@pytest.mark.skipif(os.geteuid() != 0, reason="others may merely lack the permission")
def test_secrets_that_others_can_read_fail_the_test_but_no_start(frame):
    os.chmod(frame.secret, 0o644)
    checked = frame.check()
    assert checked.code == 1 and "has mode 0644" in checked.err and "GT0851" in checked.err
    frame.httpd.start()
    frame.httpd.log_has("GT0851: ")
    frame.httpd.log_has("resuming normal operations")
    frame.httpd.stop()
    assert frame.httpd.log().count("GT0851: ") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has children of another user")
def test_secrets_that_only_root_can_read_are_no_mistake(frame):
    """The parent reads them for its children; that a change needs a restart is said at the start."""
    os.chmod(frame.secret, 0o600)
    assert not frame.check().warnings
    frame.httpd.start()
    frame.httpd.log_has(f"user www-data cannot read {frame.secret}")
    frame.httpd.stop()


def test_an_environment_variable_that_is_not_set_is_warned_of(frame):
    checked = frame.check(provider=frame.provider("GraphTokClientSecret env:GRAPHTOK_NO_SUCH"))
    assert checked.ok and len(checked.warnings) == 1
    assert "GRAPHTOK_NO_SUCH" in checked.warnings[0]


@pytest.mark.parametrize("text,message", [
    ("only four words here\n", "GraphTokKeyring file:"),
    ("k1 access,refresh,personal AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
     "has no key for purpose cookie")])
def test_a_keyring_that_can_never_work_fails_the_test_but_no_start(frame, text, message):
    frame.keyring.write_text(text)
    checked = frame.check(auth())
    assert checked.code == 1 and message in checked.err and "GT0851" in checked.err


def test_fernet_is_warned_of(frame):
    checked = frame.check("<GraphTokStore main>\nGraphTokCipher fernet\n</GraphTokStore>")
    assert checked.ok and len(checked.warnings) == 1
    assert "store main writes Fernet" in checked.warnings[0]


def test_the_dump_says_what_the_slots_cost(frame):
    memory = frame.check("GraphTokCacheSlots 1024\nGraphTokCacheSlotSize 8K").dump["memory"]
    assert memory["cache_bytes"] >= 1024 * 8192
    assert memory["status_bytes"] >= 16 * 128
    assert memory.pop("total_bytes") == sum(memory.values())


def test_no_dump_is_printed_unasked(frame):
    frame.check()
    code, out, _ = frame.httpd.check()
    assert (code, out) == (0, "")


def test_every_directive_is_tried_here_and_described(frame):
    """httpd -L and the reference page know the same directives, and these tests each of them."""
    frame.check()
    listed = subprocess.run(frame.httpd.command("-L"), capture_output=True, text=True, check=True,
                            env={**os.environ, **frame.httpd.environment}).stdout
    known = set(re.findall(r"^(<?GraphTok\w+)", listed, re.M))
    assert len(known) > 30
    tried = "".join(path.read_text() for path in servers.pathlib.Path(__file__).parent.glob("test_*.py"))
    assert not known - set(re.findall(r"<?GraphTok\w+", tried))
    page = (servers.pathlib.Path(__file__).resolve().parents[2] / "docs/directives.md").read_text()
    assert set(re.findall(r"^### `(<?GraphTok\w+)", page, re.M)) == known


NO_TYPE = "where no AuthType says how httpd gets a user"


@pytest.mark.parametrize("text, places", [
    ('<Location "/auth">\nSetHandler graphtok-auth\nRequire valid-user\n</Location>', ["/auth"]),
    ('<Location "/">\nRequire user ada\n</Location>\n'
     '<Location "/auth">\nSetHandler graphtok-auth\n</Location>', ["/auth"]),
    ('<Location "/auth">\nSetHandler graphtok-auth\n<RequireAny>\nRequire ip 10.0.0.1\n'
     'Require user ada\n</RequireAny>\n</Location>', ["/auth"]),
    ('<Location "/auth">\nAuthType None\nSetHandler graphtok-auth\nRequire valid-user\n</Location>',
     ["/auth"]),
    ('<Location "/app">\nGraphTokPassToken header\nRequire valid-user\n</Location>', ["/app"]),
    ('<Location "/">\nRequire valid-user\n</Location>\n<Location "/app">\nGraphTokPassToken env\n'
     '</Location>\n<Location "/health">\nSetHandler graphtok-health\n</Location>', ["/health", "/app"]),
    ('<Location "/">\nRequire valid-user\n</Location>\n<Location "/auth">\n'
     'SetHandler graphtok-auth\nRequire all granted\n</Location>', []),
    ('<Location "/auth">\nSetHandler graphtok-auth\n</Location>\n'
     '<Location "/other">\nRequire valid-user\n</Location>', []),
    ('<Location "/">\nAuthType Basic\nAuthName x\n</Location>\n'
     '<Location "/auth">\nSetHandler graphtok-auth\nRequire valid-user\n</Location>', []),
    ('<Location "/auth">\nSetHandler graphtok-auth\nRequire ip 127.0.0.1\n</Location>', []),
    ('<Location "/app">\nGraphTokPassToken off\nRequire valid-user\n</Location>', [])])
def test_a_require_that_no_session_can_meet_is_told(frame, text, places):
    """httpd answers 500 there, and no word of ours is in its own message."""
    checked = frame.check(text)
    told = [line for line in checked.warnings if NO_TYPE in line]
    assert checked.ok and len(told) == len(places), checked.err
    for line, place in zip(told, places):
        where = checked.line_of(next(t for t in text.split("\n") if t.startswith("Require ")
                                     and " ip " not in t))
        assert f"httpd.conf:{where}: Require " in line and f" holds at {place}, " in line
