# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A real httpd with our module, in a folder of its own on a loopback port."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

MODULES = "/usr/lib/apache2/modules"
STARTED = "resuming normal operations"  # what a generation says when it is there
BINARY = "/usr/sbin/apache2"
LOADED = ("authn_core", "authn_file", "authz_core", "authz_host", "authz_user", "auth_basic", "alias",
          "dbd", "deflate", "dir", "filter", "headers", "mime", "proxy", "proxy_http", "remoteip",
          "setenvif", "socache_shmcb", "ssl", "status", "http2")

MPM = {
    "event": "StartServers 1\nMinSpareThreads 1\nMaxSpareThreads 128\nThreadsPerChild 16\n"
             "MaxRequestWorkers 64\nAsyncRequestWorkerFactor 20\n",
    "worker": "StartServers 1\nMinSpareThreads 1\nMaxSpareThreads 128\nThreadsPerChild 16\n"
              "MaxRequestWorkers 64\n",
    "prefork": "StartServers 2\nMinSpareServers 1\nMaxSpareServers 8\nMaxRequestWorkers 32\n",
}


def build_folder():
    """Where the module and graphtokctl were built."""
    folder = os.environ.get("GRAPHTOK_BUILD")
    if not folder:
        raise RuntimeError("GRAPHTOK_BUILD names no build folder; call ./runtests")
    return pathlib.Path(folder)


def sanitizers(folder):
    """The environment of an httpd whose module was built with sanitizers (./runtests http-asan):
    their libraries must be there before it is loaded; what they find goes to files."""
    preload = os.environ.get("GRAPHTOK_PRELOAD")
    if not preload:
        return {}
    found = folder / "found"
    found.mkdir()
    own(found)
    return {"LD_PRELOAD": preload,
            "ASAN_OPTIONS": f"detect_leaks=0:log_path={found}/asan:handle_abort=1",
            "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={found}/ubsan"}


def valgrind(folder):
    """What runs httpd under valgrind (./runtests http-valgrind), or nothing."""
    if not os.environ.get("GRAPHTOK_VALGRIND"):
        return ()
    found = folder / "found"
    found.mkdir(exist_ok=True)
    os.chmod(found, 0o777)
    return ("valgrind", "--quiet", "--trace-children=yes", "--trace-children-skip=*/sh", "--vgdb=no",
            f"--log-file={found}/valgrind.%p")


def free_port():
    """A loopback port without a listener now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own(path):
    """Give a path to the user that httpd's children run as."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("www-data")
        os.chown(path, user.pw_uid, user.pw_gid)


class Httpd:
    """Write a configuration, start, restart, stop; read the logs."""

    def __init__(self, folder, mpm="event", extra_modules=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.mpm = mpm
        self.modules = LOADED + tuple(extra_modules)
        self.port = free_port()
        self.process = None
        self.environment = sanitizers(self.folder)

    @property
    def url(self):
        return f"http://localhost:{self.port}"

    @property
    def conf(self):
        return self.folder / "httpd.conf"

    def write(self, text, tuning=None, level="graphtok:trace8"):
        """Write the configuration: our frame and `text`."""
        lines = [f"ServerRoot {self.folder}", f"DefaultRuntimeDir {self.folder}",
                 f"PidFile {self.folder}/httpd.pid", f"ErrorLog {self.folder}/error.log",
                 f"LogLevel info {level}", f"Listen 127.0.0.1:{self.port}",
                 f"ServerName localhost:{self.port}", f"Mutex file:{self.folder} default",
                 f"DocumentRoot {self.folder}/htdocs", "AllowEncodedSlashes NoDecode",
                 f"LoadModule mpm_{self.mpm}_module {MODULES}/mod_mpm_{self.mpm}.so"]
        lines += [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in self.modules]
        lines += [f"LoadModule graphtok_module {build_folder()}/mod_graphtok.so",
                  "LogFormat \"%h %u \\\"%r\\\" %>s %D\" timed",
                  f"CustomLog {self.folder}/access.log timed",
                  "TypesConfig /dev/null"]
        if os.geteuid() == 0:
            lines += ["User www-data", "Group www-data"]
        lines += [tuning or MPM[self.mpm], text]
        (self.folder / "htdocs").mkdir(exist_ok=True)
        os.chmod(self.folder / "htdocs", 0o755)
        self.conf.write_text("\n".join(lines) + "\n")

    def command(self, *arguments):
        """The command that runs this httpd."""
        return [BINARY, "-f", str(self.conf), *arguments]

    def check(self, *arguments):
        """httpd -t: (exit code, standard output, standard error)."""
        done = subprocess.run(self.command("-t", *arguments), capture_output=True, text=True,
                              timeout=60, env={**os.environ, **self.environment}, check=False)
        return done.returncode, done.stdout, done.stderr

    def start(self, wrapper=()):
        """Start in the foreground and wait until it answers. It listens before that, closes again when
        it reads its configuration for the second time, and resets who came in between."""
        wrapper = wrapper or valgrind(self.folder)
        before = self._starts()
        with open(self.folder / "stderr.log", "ab") as errors:
            self.process = subprocess.Popen(
                [*wrapper, *self.command("-DFOREGROUND")], stdout=errors, stderr=errors,
                stdin=subprocess.DEVNULL, env={**os.environ, **self.environment},
                start_new_session=True)  # prefork's parent signals its whole process group
        self.wait_until(lambda: self._listens() and self._starts() > before, 60)
        return self

    def _starts(self):
        return self.log().count(STARTED)

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"httpd ended with {self.process.returncode}:\n"
                               + (self.folder / "stderr.log").read_text() + self.log())
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @staticmethod
    def wait_until(holds, seconds):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError("httpd did not get ready")
            time.sleep(0.02)

    def accessed(self, holds, seconds=10):
        """The access log, once holds(its text). A line is written after the answer has gone, so a test
        that has the answer may be ahead of it."""
        log = self.folder / "access.log"
        self.wait_until(lambda: holds(log.read_text()), seconds)
        return log.read_text()

    def graceful(self):
        """Restart gracefully; returns when the new generation says so in the log."""
        before = self._starts()
        self.process.send_signal(signal.SIGUSR1)
        self.wait_until(
            lambda: self._starts() > before
            or self.process.poll() is not None, 30)
        if self.process.poll() is not None:
            raise RuntimeError("httpd ended at a graceful restart:\n" + self.log())

    def stop(self, gracefully=False):
        """TERM, and wait for all of it. Gracefully (WINCH): where a test looks at what children write
        at their end. At TERM the event MPM of httpd 2.4 reads sockets that its workers free
        (close_worker_sockets), and a child that was answering a moment ago may die of that."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGWINCH if gracefully else signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("httpd did not end at TERM within 30 s") from None
        self.process = None

    def children(self):
        """Process ids of the children."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

    @contextlib.contextmanager
    def standing_still(self):
        """All children are stopped, as by a host that is lost."""
        children = self.children()
        for child in children:
            os.kill(child, signal.SIGSTOP)
        try:
            yield
        finally:
            for child in children:
                os.kill(child, signal.SIGCONT)

    def findings(self):
        """What sanitizers or valgrind found."""
        return "".join(path.read_text(errors="replace")
                       for path in self.folder.glob("found/*"))

    def log(self):
        """The error log so far."""
        path = self.folder / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_has(self, text, seconds=10):
        """Wait until the log has a text."""
        self.wait_until(lambda: text in self.log(), seconds)

    def remove(self):
        """Stop and leave no file."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
