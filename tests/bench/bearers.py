# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Who is measured behind a token: ours, mod_auth_openidc as resource server, nginx with Lua. Each checks
algorithm, signature and times, ours and nginx's issuer and audience too, and serves the same file."""

import concurrent.futures
import os
import pathlib
import subprocess
import time

import contenders as who
from support import httpd as servers
from support.browser import Browser
from support.jwt import KeyServer, Signer
from support.site import Site

TOP = pathlib.Path(__file__).resolve().parents[2]
SECRET = "a-secret-of-the-bench-that-two-parties-share-0123456789"
BODY = "x" * 400
AGAIN = 64  # tokens that come again and again: a client each
FRESH = 40000  # more than any of the three remembers here, so that each comes as if for the first time
ALGORITHMS = ("RS256", "HS256")
PEER_OF_NGINX = "nginx with Lua"
OPENIDC = "mod_auth_openidc"
NOTE = (
    "Debian has no JOSE library for Lua: nginx's contender is a script of ours on its cjson and luaossl "
    "(tests/bench/bearer.lua), which remembers tokens as lua-resty-openidc does. Debian's "
    "mod_auth_openidc 2.4.12 judges neither issuer nor audience, and remembers nothing. None of them maps "
    f"files into memory. {FRESH:,} tokens that come in turn are more than any of them remembers.")

OURS = """
<GraphTokJWT rs256>
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms RS256
    GraphTokJWTKeys {keys}
    GraphTokCAFile {ca}
</GraphTokJWT>
<GraphTokJWT hs256>
    GraphTokJWTIssuer https://issuer.example
    GraphTokJWTAudience graphtok
    GraphTokJWTAlgorithms HS256
    GraphTokJWTKeys file:{secret}
</GraphTokJWT>
"""
NO_MAPS = "EnableMMAP off\n"  # one process unmapping a small file holds up its other threads
MOUNTS = NO_MAPS + """
GraphTokLimit off
<Location "/auth">
    SetHandler graphtok-auth
</Location>
""" + "".join(f"""
<Location "/{name}">
    AuthType GraphTok
    GraphTokUseJWT {name}
    Require valid-user
</Location>
<Location "/as/{name}">
    GraphTokUser jwt {name}
</Location>
<Location "/as/{name}/auth">
    SetHandler graphtok-auth
</Location>
""" for name in ("rs256", "hs256"))

# Claims as header fields and variables would cost it more; ours sets the user alone.
OPENIDC_CONF = NO_MAPS + """
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
{keys}
OIDCCABundlePath {ca}
OIDCOAuthRemoteUserClaim sub
OIDCPassClaimsAs none
<Location "/">
    AuthType oauth20
    Require valid-user
</Location>
"""
OPENIDC_KEYS = {"RS256": "OIDCOAuthVerifyJwksUri {keys}",
                "HS256": "OIDCOAuthVerifySharedKeys plain##" + SECRET}

NGINX = """daemon off;
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
master_process on;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    log_format timed '$remote_addr $user "$request" $status $request_time';
    access_log {folder}/access.log timed;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    lua_package_path '{here}/?.lua;/usr/share/lua/5.1/?.lua;;';
    lua_package_cpath '/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;';
    lua_shared_dict verified 10m;
    init_by_lua_block {{
        bearer = require "bearer"
        local file = io.open("{key}")
        rules = bearer.{algorithm}(file:read("*a"), "https://issuer.example", "graphtok")
        file:close()
    }}
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        location / {{
            set $user "-";
            access_by_lua_block {{ bearer.check(rules) }}
        }}
    }}
}}
"""


class Tokens:
    """A file of tokens of one user, and how far it is used."""

    def __init__(self, path, signer, user, count):
        until = int(time.time()) + 7200
        self.path, self.count, self.at = path, count, 0
        self.first = signer.token(sub=user, exp=until)

        def sign(number):
            return signer.token(sub=user, exp=until, jti=str(number))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            path.write_text("\n".join(pool.map(sign, range(count))) + "\n")

    def load(self):
        """What wrk is told beside URL and clients."""
        return ["-s", TOP / "tests/bench/tokens.lua"], ["--", self.path, str(self.at)]

    def used(self, answered):
        """Each of wrk's two threads took half of them."""
        self.at = (self.at + answered // 2) % self.count


class Cookie:
    """A session's requests."""

    def __init__(self, browser):
        self.field = "; ".join(f"{one.name}={one.value}" for one in browser.jar)

    def load(self):
        """As Tokens.load."""
        return ["-H", f"Cookie: {self.field}"], []

    def used(self, answered):
        """They are all alike."""


class Keys:
    """The issuer's keys, and the secret."""

    def __init__(self, ground, sandbox):
        folder = pathlib.Path(sandbox.ca).parent
        self.ca = sandbox.ca
        self.signers = {"RS256": Signer("RS256", kid="bench"), "HS256": Signer("HS256", SECRET)}
        self.server = KeyServer(self.signers["RS256"], tls=(folder / "server.pem", folder / "server.key"))
        self.files = {"RS256": ground / "key.pem", "HS256": ground / "secret"}
        for (name, path), text in zip(self.files.items(), (self.signers["RS256"].pem(), SECRET)):
            path.write_text(text)
            servers.own(path)
            os.chmod(path, 0o640)


def check(contender, token):
    """It lets a right token in, and no other."""
    for shown, status in ((token, 200), (token[:-8] + "AAAAAAAA", 401)):
        answer = Browser().get(contender.url, headers={"Authorization": f"Bearer {shown}"})
        assert answer.status == status, (contender.name, answer)


def publish(folder, *names):
    """The file that is behind the token."""
    for name in names:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "file.txt").write_text(BODY)


def graphtok(ground, sandbox, keys):
    """Ours with a user signed in. @return (site, the user's browser, the user's id)"""
    site = Site(ground / "graphtok", sandbox, "event", "sqlite3", None, mounts=MOUNTS, tuning=who.TUNING,
                settings=OURS.format(keys=keys.server.url, ca=keys.ca, secret=keys.files["HS256"]))
    site.httpd.conf.write_text(site.httpd.conf.read_text()
                               .replace("LogLevel info graphtok:trace8", "LogLevel warn"))
    publish(site.folder / "htdocs", "rs256", "hs256")
    site.start()
    browser = Browser(sandbox.ca)
    signed_in = browser.sign_in(site.url + "/auth/login")
    assert signed_in.status == 200, signed_in
    return site, browser, browser.get(site.url + "/auth/token").json["user"]


def ours(site, path, load, name):
    """One of its locations."""
    return who.Contender(name, site.url + path, site.httpd.process.pid, load=load)


def openidc(ground, keys, algorithm, load):
    """mod_auth_openidc in an httpd of the same numbers."""
    server = servers.Httpd(ground / f"openidc-{algorithm}")
    keys_conf = OPENIDC_KEYS[algorithm].format(keys=keys.server.url)
    server.write(OPENIDC_CONF.format(modules=servers.MODULES, keys=keys_conf, ca=keys.ca), who.TUNING, "core:warn")
    server.conf.write_text(server.conf.read_text().replace("LogLevel info", "LogLevel warn"))
    publish(server.folder / "htdocs", "file")
    server.start()
    return who.Contender(OPENIDC, f"http://127.0.0.1:{server.port}/file/file.txt", server.process.pid,
                         server.remove, load)


def nginx(ground, keys, algorithm, load):
    """nginx with bearer.lua."""
    folder = ground / f"lua-{algorithm}"
    folder.mkdir()
    os.chmod(folder, 0o755)
    publish(folder, "file")
    port = servers.free_port()
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, port=port, here=TOP / "tests/bench",
                                 key=keys.files[algorithm], algorithm=algorithm.lower()))
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", conf, "-p", folder], stderr=subprocess.DEVNULL)
    time.sleep(0.5)

    def stop():
        process.terminate()
        process.wait()
    return who.Contender(PEER_OF_NGINX, f"http://127.0.0.1:{port}/file/file.txt", process.pid, stop, load)
