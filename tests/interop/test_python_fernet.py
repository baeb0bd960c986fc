# Licensed under the Apache License, Version 2.0; see LICENSE.
"""
T1: the core's Fernet and that of Python's cryptography are byte-compatible, both ways, so that an
application's existing tokens can be taken over and given back. Python is lenient in places where
the core is strict; those are named here, too.
"""

import base64
import os
import pathlib
import subprocess

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GRAPHTOK_BUILD", TOP / "build" / "plain"))
NOW = 1795244400
LENGTHS = [*range(0, 66), 255, 1000, 2000, 4096, 40000]


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """fernet_pipe, linked with the core as it was built."""
    path = tmp_path_factory.mktemp("interop") / "fernet_pipe"
    subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{TOP}/mod_graphtok/core",
         *output("apr-1-config", "--cppflags", "--includes"), *output("apu-1-config", "--includes"),
         str(TOP / "tests/interop/fernet_pipe.c"), "-o", str(path),
         str(BUILD / ".libs" / "libgraphtok-core.a"),
         *output("pkg-config", "--cflags", "--libs", "jansson", "libcurl", "cjose", "gmime-3.0",
                  "libcrypto"),
         *output("apu-1-config", "--link-ld"), *output("apr-1-config", "--link-ld")],
        check=True)
    return path


def encoded(data):
    return base64.urlsafe_b64encode(data).decode() or "-"


class Core:
    """The program, asked line by line."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer, "fernet_pipe has ended"
        return answer

    @staticmethod
    def clear(answer):
        """The clear bytes, None when refused."""
        if answer == "refused":
            return None
        return b"" if answer == "-" else base64.urlsafe_b64decode(answer + "=" * (-len(answer) % 4))

    def seal(self, ring, clear, when=NOW):
        return self.ask("seal", encoded(ring), when, encoded(clear)).encode()

    def open(self, ring, token, ttl=0, now=NOW):
        return self.clear(self.ask("open", encoded(ring), ttl, now, encoded(token)))

    def unseal(self, ring, token):
        return self.clear(self.ask("unseal", encoded(ring), encoded(token)))

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0
        self.process.stdout.close()


@pytest.fixture
def core(program):
    core = Core(program)
    yield core
    core.end()


def test_T1_python_opens_what_the_core_sealed(core):
    key = Fernet.generate_key()
    for length in LENGTHS:
        clear = os.urandom(length)
        token = core.seal(key, clear)
        assert Fernet(key).decrypt(token) == clear
        assert Fernet(key).extract_timestamp(token) == NOW


def test_T1_the_core_opens_what_python_sealed(core):
    key = Fernet.generate_key()
    for length in LENGTHS:
        clear = os.urandom(length)
        token = Fernet(key).encrypt_at_time(clear, NOW)
        assert core.open(key, token) == clear
        assert core.unseal(key + b"\n", token + b"\n") == clear


def test_T1_the_bytes_are_the_same_for_the_same_iv(core):
    """Python opens the core's token and seals its parts again to the very same text."""
    key = Fernet.generate_key()
    token = core.seal(key, b"hunter2")
    iv = base64.urlsafe_b64decode(token)[9:25]
    assert Fernet(key)._encrypt_from_parts(b"hunter2", NOW, iv) == token


def test_T1_rotated_keys(core):
    old, new = Fernet.generate_key(), Fernet.generate_key()
    token = Fernet(old).encrypt_at_time(b"hunter2", NOW)
    both = new + b"\n" + old + b"\n"
    assert core.unseal(both, token) == b"hunter2"
    assert core.unseal(new, token) is None
    assert MultiFernet([Fernet(new), Fernet(old)]).decrypt(core.seal(old, b"x")) == b"x"
    rotated = MultiFernet([Fernet(new), Fernet(old)]).rotate(token)
    assert core.unseal(new, rotated) == b"hunter2"


def python_opens(key, token, ttl=None, now=NOW):
    try:
        if ttl is None:
            return Fernet(key).decrypt(token)
        return Fernet(key).decrypt_at_time(token, ttl, now)
    except InvalidToken:
        return None


def test_T1_time_is_judged_alike(core):
    key = Fernet.generate_key()
    token = Fernet(key).encrypt_at_time(b"x", NOW)
    for ttl in (1, 59, 60, 61, 3600):
        for age in (-3600, -61, -60, -59, -1, 0, 1, 59, 60, 61, 3599, 3600, 3601):
            assert core.open(key, token, ttl, NOW + age) == python_opens(key, token, ttl, NOW + age)


def test_T1_damaged_tokens_are_refused_by_both(core):
    key = Fernet.generate_key()
    raw = base64.urlsafe_b64decode(Fernet(key).encrypt(b"hunter2"))
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1 << at % 8
        token = base64.urlsafe_b64encode(bytes(changed))
        assert python_opens(key, token) is None
        assert core.open(key, token) is None
    for length in range(0, len(raw), 7):
        token = base64.urlsafe_b64encode(raw[:length])
        assert python_opens(key, token) is None
        assert core.open(key, token) is None


def test_T1_the_core_is_strict_where_python_is_lenient(core):
    key = Fernet.generate_key()
    token = Fernet(key).encrypt(b"hunter2")
    for lenient in (token[:40] + b"\n" + token[40:], token[:40] + b"%%" + token[40:]):
        assert python_opens(key, lenient) == b"hunter2"
        assert core.open(key, lenient) is None
    for both in (b" " + token, token + b"\r\n"):
        assert core.open(key, both) == b"hunter2"
