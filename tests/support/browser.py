# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A browser as far as HTTP goes: cookies of its own, redirects looked at one by one."""

import http.cookiejar
import json
import socket
import ssl
import struct
import urllib.error
import urllib.parse
import urllib.request


class Answer:
    """Status, header fields, body."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.url = response.url
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def location(self):
        return self.headers["Location"]

    @property
    def cookies(self):
        return self.headers.get_all("Set-Cookie") or []

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:2000]!r}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """One browser."""

    def __init__(self, ca=None, timeout=60):
        self.jar = http.cookiejar.CookieJar()
        self.timeout = timeout
        context = ssl.create_default_context(cafile=str(ca)) if ca else None
        handlers = [_Stay(), urllib.request.HTTPCookieProcessor(self.jar),
                    urllib.request.ProxyHandler({})]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self.opener = urllib.request.build_opener(*handlers)

    def send(self, method, url, body=None, headers=None):
        """One exchange; no status is an exception."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with self.opener.open(request, timeout=self.timeout) as response:
                return Answer(response)
        except urllib.error.HTTPError as response:
            return Answer(response)

    def get(self, url, **more):
        return self.send("GET", url, **more)

    def post(self, url, body=None, **more):
        return self.send("POST", url, body=body if body is not None else b"", **more)

    def follow(self, url, most=10, **more):
        """GET and follow redirects to the end."""
        for _ in range(most):
            answer = self.get(url, **more)
            if answer.status not in (301, 302, 303, 307):
                return answer
            url = urllib.parse.urljoin(url, answer.location)
        raise AssertionError("too many redirects")

    def leave_for_sign_in(self, login_url, hint="ada@sandbox.example", headers=None):
        """The first half of a sign-in: the address of the callback, not yet visited."""
        joint = "&" if "?" in login_url else "?"
        answer = self.get(login_url + joint + urllib.parse.urlencode({"login_hint": hint}),
                          headers=headers)
        assert answer.status == 302, answer
        at_provider = self.get(answer.location)
        assert at_provider.status in (302, 303), at_provider
        return at_provider.location

    def sign_in(self, login_url, hint="ada@sandbox.example"):
        """A whole sign-in; the callback's answer."""
        return self.get(self.leave_for_sign_in(login_url, hint))


def leave(client):
    """Go as a client does that wants nothing any more (RST): what only writes no more still reads."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def query_of(url):
    """The query of a URL as a dict."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
