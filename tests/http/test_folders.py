# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Folders and files that the configuration names and that are not ours: left as they are."""

import os
import pwd

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root only")


def owner_and_mode(path):
    status = os.stat(path)
    return pwd.getpwuid(status.st_uid).pw_name, status.st_mode & 0o7777


def started(make_site, folder):
    """A site whose journal is this folder; what httpd -t said, and the log."""
    site = make_site()
    site.configure(settings=f"GraphTokJournal {folder}\n")
    _, _, told = site.httpd.check()
    site.start()
    site.httpd.stop()
    return told, site.httpd.log()


def make_folder(ground, name, *files):
    folder = ground / name
    folder.mkdir()
    os.chmod(folder, 0o755)
    for file in files:
        (folder / file).write_text("not ours\n")
    return folder


def test_a_folder_that_holds_other_things_is_left_as_it_is(make_site, ground):
    folder = make_folder(ground, "filled", "passwd")
    told, log = started(make_site, folder)
    assert owner_and_mode(folder) == ("root", 0o755)
    assert "GraphTokJournal: there is no journal" in told and str(folder) in told
    assert log.count("GT0848") == 1 and "GT0849" not in log


def test_a_link_is_not_followed(make_site, ground):
    """It may lead elsewhere by the time the folder is changed."""
    folder, link = make_folder(ground, "meant"), ground / "link"
    link.symlink_to(folder)
    told, log = started(make_site, link)
    assert owner_and_mode(folder) == ("root", 0o755)
    assert "there is no journal" in told and "GT0848" in log


def test_a_folder_of_another_user_is_left_as_it_is(make_site, ground):
    folder = make_folder(ground, "of-another")
    os.chown(folder, 1, 1)
    told, log = started(make_site, folder)
    assert owner_and_mode(folder) == (pwd.getpwuid(1).pw_name, 0o755)
    assert "there is no journal" in told and "GT0848" in log


def test_an_empty_folder_is_taken_and_said(make_site, ground):
    folder = make_folder(ground, "empty")
    told, log = started(make_site, folder)
    assert owner_and_mode(folder) == ("www-data", 0o700)
    assert "journal" not in told and "GT0849" in log and "GT0848" not in log


def test_a_folder_that_is_not_there_is_made(make_site, ground):
    folder = ground / "made" / "journal"
    told, log = started(make_site, folder)
    assert owner_and_mode(folder) == ("www-data", 0o700)
    assert owner_and_mode(folder.parent) == ("root", 0o755)
    assert "journal" not in told and "GT084" not in log
    (folder / "entry.entry").write_text("ours\n")
    told, log = started(make_site, folder)
    assert "journal" not in told and "GT084" not in log


def audit_to(make_site, path, text):
    """A site whose audit is this file, with this text in it; started and stopped."""
    path.write_text(text)
    site = make_site()
    site.configure(settings=f"GraphTokAudit {path}\nGraphTokAuditRequired on\n")
    site.start()
    yield site
    site.httpd.stop()


@pytest.mark.parametrize("text", ["first any KEY\n", '{"tim:"}\n'])
def test_a_file_that_holds_other_things_is_no_audit(make_site, ground, text):
    path = ground / "not-an-audit"
    for site in audit_to(make_site, path, text):
        assert "GT0894" in site.httpd.log()
        assert site.ctl("token", "ada", check=False).returncode != 0
        assert path.read_text() == text and owner_and_mode(path)[0] == "root"


def test_graphtokctl_shares_the_audit_as_httpds_user(make_site, ground):
    path = ground / "audit"
    for site in audit_to(make_site, path, ""):
        assert owner_and_mode(path)[0] == "www-data"
        assert "GT0894" not in site.httpd.log()
