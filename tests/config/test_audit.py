# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Directives that stand well alone and not together."""

import pytest


def test_the_audits_ends_are_not_noted_in_the_audit_itself(frame):
    path = frame.folder / "audit.log"
    for heads in (path, "audit.log", "./audit.log"):
        checked = frame.check(f"GraphTokAudit {path}\nGraphTokAuditHeads {heads}")
        assert not checked.ok and "GT0850" in checked.err, heads
        assert f"GraphTokAuditHeads: {path} is GraphTokAudit's own file" in checked.err
    assert frame.check(f"GraphTokAudit {path}\nGraphTokAuditHeads {path}.heads").ok


@pytest.mark.parametrize("line", ["GraphTokAuditRequired on", "GraphTokAuditHeads /tmp/heads"])
def test_what_an_audit_is_needed_for_is_told_of_without_one(frame, line):
    name = line.split()[0]
    checked = frame.check(line)
    assert checked.ok and any(f"{name} without GraphTokAudit" in told for told in checked.warnings)
    assert not frame.check(f"{line}\nGraphTokAudit {frame.folder}/audit.log").warnings
    assert not frame.check("GraphTokAuditRequired off\nGraphTokAuditHeads off").warnings
