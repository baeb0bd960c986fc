# Licensed under the Apache License, Version 2.0; see LICENSE.
"""GraphTokTenantClient: a registration that one tenant has to itself."""

import pytest

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


def test_a_tenants_own_registration(frame):
    other = "11111111-86f1-41af-91ab-2d7cd011db47"
    frame.httpd.environment = {"SECRET": "x"}
    checked = frame.check(provider=frame.provider(
        f"GraphTokTenant common\nGraphTokAllowedTenants {GUID} {other}\n"
        f"GraphTokTenantClient {GUID} a-b env:SECRET\n"
        f"GraphTokTenantClient {other} c-d file:/nowhere/secret"))
    assert checked.dump["config"]["providers"][0]["tenant_clients"] == [
        {"tenant": GUID, "client_id": "a-b", "client_secret": "env:SECRET"},
        {"tenant": other, "client_id": "c-d", "client_secret": "file:/nowhere/secret"}]
    assert "GraphTokTenantClient: /nowhere/secret cannot be found now" in checked.err


@pytest.mark.parametrize("lines,message", [
    (f"GraphTokTenant {GUID}\nGraphTokTenantClient {GUID} a-b env:SECRET",
     "GraphTokTenantClient goes with GraphTokTenant common or organizations"),
    (f"GraphTokTenant common\nGraphTokTenantClient {GUID} a-b env:SECRET\n"
     f"GraphTokTenantClient {GUID.upper()} c env:SECRET", "has one already"),
    ("GraphTokTenant common\nGraphTokTenantClient contoso.com a-b env:SECRET",
     "is not a tenant's GUID"),
    (f"GraphTokTenant common\nGraphTokTenantClient {GUID} a/b env:SECRET", "'a/b' is not"),
    (f"GraphTokTenant common\nGraphTokTenantClient {GUID} a-b", "takes three arguments"),
    (f"GraphTokTenant common\nGraphTokAllowedTenants {GUID[:-1]}0\n"
     f"GraphTokTenantClient {GUID} a-b env:SECRET", "none of its accounts may sign in"),
    (f"GraphTokTenant common\nGraphTokTenantClient {GUID} a-b secret",
     f"the client secret of tenant {GUID} stands in the configuration itself")])
def test_slips_of_a_tenants_registration(frame, lines, message):
    frame.httpd.environment = {"SECRET": "x"}
    assert message in frame.check(provider=frame.provider(lines)).err
