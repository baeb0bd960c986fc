# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A site whose users have mailboxes at the tests' Dovecot, by Microsoft's tokens or by Google's."""

from support.site import MOUNTS

ADA = "ada@sandbox.example"
OUTLOOK = ("https://outlook.office.com/IMAP.AccessAsUser.All "
           "https://outlook.office.com/SMTP.Send")
MICROSOFT = f"GraphTokScope openid profile email offline_access User.Read {OUTLOOK}\n"
MAIL = """
<Location "/tom/mail">
    SetHandler graphtok-mail
</Location>
<Location "/staff/mail">
    SetHandler graphtok-mail
</Location>
"""
GOOGLE = """
<GraphTokProvider google>
    GraphTokClientID {google[client_id]}
    GraphTokClientSecret file:{client_secret_file}
    GraphTokAuthority {google[authority]}
    GraphTokCAFile {ca}
    GraphTokScope openid email https://mail.google.com/
    {imap}
</GraphTokProvider>
GraphTokUseProvider google
"""


def make(make_site, mail_server, sandbox_server, row, settings, mpm="event"):
    """A site that runs. row: "ENGINE-PROVIDER"; settings: of the server and its stores."""
    engine, provider = row.split("-")
    imap = (f"GraphTokIMAP imaps://localhost:{mail_server.imaps}\n"
            f"GraphTokSMTP smtp://localhost:{mail_server.submission}\n")
    google = GOOGLE.format(**sandbox_server.process.facts, imap=imap)
    made = make_site(mpm, engine, mounts=MOUNTS + MAIL, migrate=False, provider=MICROSOFT + imap)
    made.configure(settings=settings + (google if provider == "google" else ""))
    made.is_google = provider == "google"
    made.migrate()
    made.start()
    return made
