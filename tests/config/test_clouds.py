# Licensed under the Apache License, Version 2.0; see LICENSE.
"""GraphTokCloud: one word for the hosts of a cloud of Microsoft's, and what does not go together."""

import pytest

GOV = "GraphTokCloud us-gov"


@pytest.mark.parametrize("inside,authority,graph", [
    ("", "https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"),
    ("GraphTokCloud global", "https://login.microsoftonline.com",
     "https://graph.microsoft.com/v1.0"),
    ("GraphTokCloud us-gov", "https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"),
    ("GraphTokCloud us-dod", "https://login.microsoftonline.us",
     "https://dod-graph.microsoft.us/v1.0"),
    ("GraphTokCloud china", "https://login.partner.microsoftonline.cn",
     "https://microsoftgraph.chinacloudapi.cn/v1.0"),
    (f"GraphTokGraphURL https://g.example/v1.0\n{GOV}", "https://login.microsoftonline.us",
     "https://g.example/v1.0"),
    (f"{GOV}\nGraphTokAuthority https://a.example", "https://a.example",
     "https://graph.microsoft.us/v1.0")])
def test_hosts_of_a_cloud(frame, inside, authority, graph):
    checked = frame.check(provider=frame.provider(inside))
    provider = checked.dump["config"]["providers"][0]
    assert (provider["authority"], provider["graph_url"]) == (authority, graph)
    assert "cloud" not in checked.err


@pytest.mark.parametrize("inside,message", [
    ("GraphTokAuthority https://login.microsoftonline.us", "are of different clouds"),
    (f"{GOV}\nGraphTokGraphURL https://graph.microsoft.com/v1.0", "are of different clouds"),
    ("GraphTokAuthority https://login.windows.net", "is another name of"),
    ("GraphTokAuthority https://login.chinacloudapi.cn",
     "another name of https://login.partner.microsoftonline.cn"),
    (f"{GOV}\nGraphTokScope openid offline_access https://Graph.microsoft.com/User.Read",
     "GraphTokScope https://Graph.microsoft.com/User.Read is of another cloud than "
     "https://graph.microsoft.us: write User.Read"),
    ("GraphTokScope openid offline_access https://graph.microsoft.us/User.Read",
     "is of another cloud than https://graph.microsoft.com"),
    ("GraphTokCloud china\nGraphTokTenant consumers", "there are no personal accounts in china")])
def test_what_does_not_go_together(frame, inside, message):
    checked = frame.check(provider=frame.provider(inside))
    assert checked.ok
    assert message in checked.err


def test_a_cloud_that_there_is_not(frame):
    checked = frame.check(provider=frame.provider("GraphTokCloud germany"))
    assert checked.code == 1
    assert "global, us-gov, us-dod, china" in checked.err or "global us-gov" in checked.err
