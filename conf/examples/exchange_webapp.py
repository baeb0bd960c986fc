#!/usr/bin/python3
# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A plain web application on another host, whose users have its own JWTs.

For each request it hands its user's JWT to graphtok-exchange and gets an access token of Graph for
that user; httpd keeps, renews and shares the tokens. The configuration of httpd that goes with it:

    <GraphTokJWT app>
        GraphTokJWTIssuer     https://app.example.org
        GraphTokJWTAudience   graphtok
        GraphTokJWTAlgorithms RS256
        GraphTokJWTKeys       https://app.example.org/jwks.json
    </GraphTokJWT>
    <GraphTokClient webapp>
        GraphTokClientSecret   file:/etc/graphtok/webapp-secret
        GraphTokClientResource graph
        GraphTokClientScope    User.Read Calendars.ReadWrite
        GraphTokClientSubject  jwt=app
    </GraphTokClient>
    <Location "/exchange">
        SetHandler graphtok-exchange
    </Location>

    EXCHANGE_URL=https://www.example.org/exchange CLIENT_SECRET=... PORT=8000 ./exchange_webapp.py
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from wsgiref.simple_server import make_server

GRAPH = os.environ.get("GRAPH_URL", "https://graph.microsoft.com/v1.0")


def exchange(users_jwt):
    """What graphtok-exchange answers: status and JSON."""
    form = urllib.parse.urlencode({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": users_jwt,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "client_id": "webapp",
        "client_secret": os.environ["CLIENT_SECRET"],
    }).encode()
    try:
        with urllib.request.urlopen(os.environ["EXCHANGE_URL"], form, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.status, json.load(refusal)


def application(environ, start_response):
    """Greet the user by the name in Graph."""
    kind, _, users_jwt = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    status, said = exchange(users_jwt) if kind == "Bearer" else (401, {})
    if status != 200:
        # Not this application's user, or one who has to sign in at httpd's graphtok-auth first.
        start_response("401 Unauthorized", [("Content-Type", "text/plain")])
        return [said.get("error", "no token").encode()]
    request = urllib.request.Request(
        GRAPH + "/me", headers={"Authorization": "Bearer " + said["access_token"]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        name = json.load(answer)["displayName"]
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"Hello {name}".encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ["PORT"]), application).serve_forever()
