# Licensed under the Apache License, Version 2.0; see LICENSE.
"""The pages a browser sees: choose a person, what went wrong, and the form_post relay."""

from __future__ import annotations

from html import escape

from people import PEOPLE
from wire import Pairs, Response

STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1b;--soft:#595959;--ground:#f2f2f2;--card:#fff;
--line:#bbb;--near:#eef4fb;--act:#0067b8}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--soft:#a8a8a8;--ground:#141414;
--card:#1f1f1f;--line:#4a4a4a;--near:#26323d;--act:#6cb8f6}}
body{font:16px/1.5 system-ui,sans-serif;background:var(--ground);color:var(--ink);margin:0}
main{background:var(--card);max-width:27rem;margin:10vh auto;padding:2rem 2.5rem;
box-shadow:0 2px 6px #0003}
h1{font-size:1.4rem;margin:0 0 .5rem}
button{font:inherit;color:inherit;display:block;width:100%;text-align:left;padding:.6rem .8rem;
margin:.4rem 0;border:1px solid var(--line);border-radius:4px;background:var(--card);cursor:pointer}
button:hover,button:focus{background:var(--near);border-color:var(--act)}
small{color:var(--soft)}
.quiet{border:0;color:var(--act);padding:.3rem .8rem}
"""


def page(title: str, inner: str, status: int = 200) -> Response:
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{inner}</main></body></html>\n"
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cache-Control", "no-store, no-cache"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("X-Frame-Options", "DENY"),
    ]
    return Response(status, headers, text.encode())


def button(label: str, choice: str, is_quiet: bool = False) -> str:
    css = ' class="quiet"' if is_quiet else ""
    return f'<button name="choice" value="{escape(choice)}"{css}>{label}</button>'


def choose_page(action: str, flow: str, scopes: list[str], hint: str) -> Response:
    """One button per person; below them the ways to refuse."""
    told = f"<p>We couldn't find an account with the name {escape(hint)}.</p>" if hint else ""
    people = "".join(
        button(f"{escape(p.name)}<br><small>{escape(p.address)}</small>", p.address)
        for p in PEOPLE
    )
    refusals = button("Decline consent", "decline", True) + button("Cancel", "cancel", True)
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    inner = (
        f"{told}<p><small>The sandbox's sign-in: nobody's real account, no password.</small></p>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="flow" value="{escape(flow)}">{people}{refusals}</form>'
        f"<details><summary>What the application asks for</summary><ul>{wanted}</ul></details>"
    )
    return page("Pick an account", inner)


def consent_page(action: str, flow: str, scopes: list[str]) -> Response:
    """What an administrator decides for the whole organisation."""
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in scopes)
    inner = (
        f"<ul>{wanted}</ul>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="flow" value="{escape(flow)}">'
        f"{button('Accept', 'accept')}{button('Cancel', 'cancel', True)}</form>"
    )
    return page("Permissions requested: review for your organization", inner)


def error_page(text: str, status: int = 400) -> Response:
    inner = f"<p>Sorry, but we're having trouble signing you in.</p><p>{escape(text)}</p>"
    return page("Sign in", inner, status)


def relay_page(action: str, pairs: Pairs) -> Response:
    """response_mode=form_post (OAuth 2.0 Form Post Response Mode)."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in pairs
    )
    inner = (
        f'<form method="post" action="{escape(action)}" name="relay">{hidden}'
        "<noscript><button>Continue</button></noscript></form>"
        "<script>document.forms.relay.submit()</script>"
    )
    return page("Working...", inner)
