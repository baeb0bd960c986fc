#!/usr/bin/python3
# Licensed under the Apache License, Version 2.0; see LICENSE.
"""An agent that reads a user's calendar, and keeps no token of the user.

It shows its client id and secret at graphtok-exchange and names the user; what it gets is an access
token for some minutes. The configuration of httpd that goes with it:

    <GraphTokClient agent>
        GraphTokClientSecret   file:/etc/graphtok/agent-secret
        GraphTokClientResource graph
        GraphTokClientScope    User.Read Calendars.ReadWrite
        GraphTokClientSubject  user
    </GraphTokClient>
    <Location "/exchange">
        SetHandler graphtok-exchange
    </Location>

    EXCHANGE_URL=https://www.example.org/exchange CLIENT_ID=agent \\
        CLIENT_SECRET_FILE=/etc/agent/secret ./exchange_agent.py USER
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

GRAPH = os.environ.get("GRAPH_URL", "https://graph.microsoft.com/v1.0")


def basic(client_id, secret):
    """Both parts are form-encoded before they are joined (RFC 6749 2.3.1)."""
    pair = f"{urllib.parse.quote_plus(client_id)}:{urllib.parse.quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def exchange(user):
    """An access token of Graph for a user, or the reason why there is none."""
    with open(os.environ["CLIENT_SECRET_FILE"], encoding="utf-8") as file:
        secret = file.readline().rstrip("\n")
    request = urllib.request.Request(os.environ["EXCHANGE_URL"], urllib.parse.urlencode({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": user,
        "subject_token_type": "urn:mod_graphtok:token-type:user-id",
        "resource": "https://graph.microsoft.com",
    }).encode(), {"Authorization": basic(os.environ["CLIENT_ID"], secret)})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["access_token"]
    except urllib.error.HTTPError as refusal:
        said = json.load(refusal)
        sys.exit(f"no token for {user}: {said['error']}: {said['error_description']}")


def main():
    token = exchange(sys.argv[1])
    request = urllib.request.Request(
        GRAPH + "/me/events?$top=5&$select=subject,start&$orderby=start/dateTime",
        headers={"Authorization": "Bearer " + token})
    with urllib.request.urlopen(request, timeout=30) as answer:
        for event in json.load(answer)["value"]:
            print(event["start"]["dateTime"][:16], event["subject"])


main()
