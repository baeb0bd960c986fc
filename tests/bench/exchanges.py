# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What wrk sends in the scenario exchange: token exchanges of one client for one user."""

import base64

AGENT = "secret-of-the-agent-0123456789"
MOUNTS = """
<GraphTokClient agent>
    GraphTokClientSecret file:{folder}/secrets/agent
    GraphTokClientResource graph
    GraphTokClientScope User.Read Calendars.ReadWrite
    GraphTokClientSubject user
    GraphTokAllow GET /auth/token
</GraphTokClient>
<Location "/exchange">
    SetHandler graphtok-exchange
</Location>
"""
LUA = """wrk.method = "POST"
wrk.body = "{form}"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "Basic {credentials}"
"""
FORM = ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=tom"
        "&subject_token_type=urn:mod_graphtok:token-type:user-id")


class Exchanges:
    """A script of wrk's, as Contender.load has it."""

    def __init__(self, folder, more=""):
        self.script = folder / f"exchange{len(more)}.lua"
        self.script.write_text(LUA.format(
            form=FORM + more, credentials=base64.b64encode(f"agent:{AGENT}".encode()).decode()))

    def load(self):
        return ["-s", self.script], []

    def used(self, answered):
        """All of them are alike."""
