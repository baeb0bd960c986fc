# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A plugin of pytest: why tests failed, once more and short, as the last thing that is printed.

CI shows the end of a part's output. A long failure in it would leave only its source code to see."""

import re

import pytest

LINES = 30  # of each failure, half of them those that tell of a fault wherever they stand
TELLING = re.compile(r"\b(FAIL|[Ee]rror:|failed|undefined|not found)|\*\*\*|:[EF]:")
FAILURES = 4


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Behind the summary of pytest's own."""
    yield
    failures = [report for word in ("error", "failed")
                for report in terminalreporter.stats.get(word, [])]
    for report in failures[:FAILURES]:
        terminalreporter.write_sep("-", f"why {report.nodeid}")
        for line in reason(report.longreprtext):
            terminalreporter.write_line(line)


def reason(text):
    """What was raised, without the code around it; of much of it what tells most."""
    lines = text.splitlines()
    raised = [line[1:].strip()[:400] for line in lines if line.startswith("E ")] or lines
    where = [line for line in lines if line and not line.startswith((" ", "E ", ">"))][-1:]
    end = raised[-LINES // 2:]
    before = raised[:-len(end)]
    if len(before) > LINES // 2:
        before = [line for line in before if TELLING.search(line)][-LINES // 2:]
    return before + end + where
