# Licensed under the Apache License, Version 2.0; see LICENSE.
"""
What the checks share: the files of the project, and the way to end.

A check is a program in this folder. It tries its own judgement on a few examples first (a check
that cannot fail is none), looks at the tree, prints one line for each problem as FILE:LINE: text,
and exits 1 when there was one.
"""

import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "MANIFEST"  # in a tarball of `make dist`: the names of what is the project's


def files(*patterns):
    """Relative paths, sorted, of the project's files that match a pattern; `*` goes into folders."""
    return sorted({p for p in _all() if any(fnmatch.fnmatchcase(str(p), g) for g in patterns)})


def _names():
    """What git knows, and what it would take; in a tarball its manifest, which leaves out what
    autoreconf made; else everything below."""
    if (ROOT / ".git").exists():
        return subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    if MANIFEST.exists():
        return MANIFEST.read_text(encoding="utf-8").split("\n")
    below = [p.relative_to(ROOT) for p in ROOT.rglob("*")]
    return [str(p) for p in below if not {"build", "__pycache__"} & set(p.parts)]


def _all():
    return [pathlib.PurePosixPath(n) for n in _names() if n and (ROOT / n).is_file()]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def code_only(text):
    """C without comments and without the contents of literals; line numbers stay."""
    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] * 2
        return re.sub(r"[^\n]", " ", piece)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def expect(judge, examples):
    """The check's own test: judge(input) must give the expected answer for each example."""
    for example, expected in examples:
        got = judge(example)
        if got != expected:
            sys.exit(f"{sys.argv[0]}: self-test: {example!r} gave {got!r}, not {expected!r}")


def finish(problems, looked_at):
    """Print the problems and end. A check that found nothing to look at has failed."""
    if not looked_at:
        problems = ["found nothing to look at"]
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":  # for `make dist`
    print("\n".join(sorted(map(str, _all()))))
