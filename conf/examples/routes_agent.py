#!/usr/bin/python3
# Licensed under the Apache License, Version 2.0; see LICENSE.
"""An agent that may read a user's events and nothing else, and never holds a token of the provider.

It shows its client id and secret at graphtok-exchange and names the user. It gets a token of
mod_graphtok's, for some minutes, that opens the routes which its entry allows. The configuration
of httpd that goes with it:

    <GraphTokClient planner>
        GraphTokClientSecret   file:/etc/graphtok/planner-secret
        GraphTokClientSubject  user
        GraphTokAllow          GET /calendar/events/**
    </GraphTokClient>
    <Location "/exchange">
        SetHandler graphtok-exchange
    </Location>
    <Location "/calendar">
        SetHandler graphtok-calendar
    </Location>

    SERVER_URL=https://www.example.org CLIENT_ID=planner \\
        CLIENT_SECRET_FILE=/etc/planner/secret ./routes_agent.py USER
"""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

SERVER = os.environ["SERVER_URL"]


def ask(request):
    """The JSON of an answer; a refusal ends the program with its reason."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        said = json.load(refusal)
        sys.exit(f"{refusal.code}: {said.get('error_description') or said.get('detail')}")


def exchange(user):
    """A token that opens our routes as a user."""
    with open(os.environ["CLIENT_SECRET_FILE"], encoding="utf-8") as file:
        secret = file.readline().rstrip("\n")
    # Both parts are form-encoded before they are joined (RFC 6749 2.3.1).
    pair = ":".join(map(urllib.parse.quote_plus, (os.environ["CLIENT_ID"], secret)))
    return ask(urllib.request.Request(SERVER + "/exchange", urllib.parse.urlencode({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": user,
        "subject_token_type": "urn:mod_graphtok:token-type:user-id",
        "audience": "graphtok",
    }).encode(), {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}))


def main():
    token = exchange(sys.argv[1])["access_token"]
    events = ask(urllib.request.Request(
        SERVER + "/calendar/events?top=5&select=subject,start&order=start",
        headers={"Authorization": "Bearer " + token}))
    for event in events["value"]:
        print(event["start"]["dateTime"][:16], event["subject"])


main()
