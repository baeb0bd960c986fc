# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Who is measured: ours, its peers, and the upstream alone. Each is a process tree and a URL."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time

from support import httpd as servers
from support.browser import Browser
from support.site import Site

CALENDAR = "/calendar/events?top=10"

TUNING = """StartServers 1
ServerLimit 1
ThreadLimit 256
ThreadsPerChild 256
MinSpareThreads 1
MaxSpareThreads 256
MaxRequestWorkers 256
AsyncRequestWorkerFactor 20
MaxKeepAliveRequests 0
"""

# Debian's own mpm_event.conf: what httpd has where its administrator changed nothing.
DEBIAN = """StartServers 2
MinSpareThreads 25
MaxSpareThreads 75
ThreadLimit 64
ThreadsPerChild 25
MaxRequestWorkers 150
MaxConnectionsPerChild 0
MaxKeepAliveRequests 0
"""

# For 10,000 clients in the one child. What the MPM takes is threads + idle threads × factor, and it
# closes kept connections above that: so few idle threads must do when all answers come at once.
CROWD = TUNING.replace("WorkerFactor 20", "WorkerFactor 1000") + "ListenBacklog 4096\n"

MOUNTS = """
<Location "/auth">
    SetHandler graphtok-auth
</Location>
<Location "/calendar">
    SetHandler graphtok-calendar
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
GraphTokUser static tom
GraphTokLimit off
GraphTokAnswerMax 200M
GraphTokMaxTransfers 20000
"""

NGINX = """daemon off;
master_process on;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
worker_rlimit_nofile 60000;
events {{ worker_connections 30000; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream api {{ server 127.0.0.1:{upstream}; keepalive {kept}; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096{tls};
        location / {{
            proxy_pass http://api;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer {token}";
        }}
        location = /static.json {{ root {folder}; }}
    }}
}}
"""


class Upstream:
    """The cheap upstream; `delay` in ms."""

    def __init__(self, program, delay, size=600):
        self.port = servers.free_port()
        self.process = subprocess.Popen([program, str(self.port), str(delay), str(size)])
        time.sleep(0.2)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Contender:
    """One that is measured. @param load  what its requests carry (bearers.Tokens), or None"""

    def __init__(self, name, url, pid=None, stop=lambda: None, load=None):
        self.name, self.url, self.pid, self.stop, self.load = name, url, pid, stop, load


@contextlib.contextmanager
def built_in(folder):
    """What is started meanwhile comes from another build folder."""
    ours = os.environ["GRAPHTOK_BUILD"]
    os.environ["GRAPHTOK_BUILD"] = folder or ours
    try:
        yield
    finally:
        os.environ["GRAPHTOK_BUILD"] = ours


def graphtok(ground, sandbox, upstream, path=CALENDAR, name="mod_graphtok", tuning=TUNING, more="",
             secrets=None):
    """Ours: a static user signed in at the sandbox, Graph's place taken by the upstream."""
    site = Site(pathlib.Path(ground) / f"graphtok-{os.urandom(3).hex()}", sandbox, "event", "sqlite3",
                None, mounts=MOUNTS + more, tuning=tuning,
                provider=f"GraphTokMailboxCalls 0\nGraphTokGraphURL {upstream.url}/v1.0")
    for secret, text in (secrets or {}).items():
        site.write_secret(secret, text)
    site.configure()
    site.httpd.conf.write_text(site.httpd.conf.read_text()
                               .replace(f"GraphTokGraphURL {sandbox.graph}\n", "\n")
                               .replace("LogLevel info graphtok:trace8", "LogLevel warn"))
    site.start()
    sandbox.add_redirect_uri(site.url + "/auth/callback")
    signed_in = Browser(sandbox.ca).sign_in(site.url + "/auth/login")
    assert signed_in.status == 200, signed_in
    answer = Browser().get(site.url + path)
    assert answer.status == 200, answer
    return Contender(name, f"http://127.0.0.1:{site.httpd.port}{path}", site.httpd.process.pid,
                     site.httpd.remove), site


def apache_proxy(ground, upstream, token, threads=None, name="mod_proxy_http"):
    """mod_proxy_http with a fixed Authorization field: one child of so many threads, or Debian's
    own numbers."""
    server = servers.Httpd(pathlib.Path(ground) / f"proxy-{os.urandom(3).hex()}")
    text = f"""
RequestHeader set Authorization "Bearer {token}"
<Proxy "{upstream.url}">
    ProxySet keepalive=On
</Proxy>
ProxyPass "/v1.0" "{upstream.url}/v1.0"
"""
    tuning = TUNING.replace("256", str(threads)) if threads else DEBIAN
    server.write(text, tuning, "core:warn")
    server.conf.write_text(server.conf.read_text().replace("LogLevel info", "LogLevel warn"))
    server.start()
    (server.folder / "htdocs/static.json").write_text("{}")
    return Contender(f"{name}, {threads} threads" if threads else name,
                     f"http://127.0.0.1:{server.port}/v1.0/me/events", server.process.pid,
                     server.remove), server


def apache_static(server, text):
    """A static file of the same size on that httpd."""
    path = server.folder / "htdocs/static.json"
    path.write_bytes(text)
    os.chmod(path, 0o644)
    return Contender("static file, same size", f"http://127.0.0.1:{server.port}/static.json",
                     server.process.pid)


def run_nginx(ground, upstream, token, kept=2000, tls=""):
    """(port, process, what ends it) of an nginx."""
    folder = pathlib.Path(ground) / f"nginx-{os.urandom(3).hex()}"
    folder.mkdir()
    os.chmod(folder, 0o755)
    port = servers.free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=port, upstream=upstream.port, token=token,
                                 kept=kept, tls=tls))
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", conf, "-p", folder],
                               stderr=subprocess.DEVNULL)
    time.sleep(0.5)

    def stop():
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return port, process, stop


def nginx(ground, upstream, token):
    """nginx proxy_pass with a fixed Authorization field."""
    port, process, stop = run_nginx(ground, upstream, token)
    return Contender("nginx proxy_pass", f"http://127.0.0.1:{port}/v1.0/me/events", process.pid,
                     stop)


def nginx_tls(ground, upstream, ca):
    """The upstream behind TLS and HTTP/2, with the sandbox's certificate, in Graph's place."""
    folder = pathlib.Path(ca).parent
    port, process, stop = run_nginx(
        ground, upstream, "x", 12000,
        f" ssl http2; ssl_certificate {folder}/server.pem; "
        f"ssl_certificate_key {folder}/server.key; http2_max_concurrent_streams 1000")
    return Contender("nginx", f"https://localhost:{port}", process.pid, stop)


def straight(upstream):
    """Without a server in between."""
    return Contender("straight to the upstream", upstream.url + "/v1.0/me/events",
                     upstream.process.pid)
