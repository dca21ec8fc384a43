"""What the lab says when something that it needs is missing."""

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab import rootless
from spamgate_tools.lab.host import needed


def test_missing_programs_are_named_with_their_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as missing:
        needed("nft", "ip", "dig")
    assert str(missing.value) == "not installed: nft, ip, dig; apt-get install bind9-dnsutils iproute2 nftables"


@pytest.mark.parametrize(("uid", "hint"), [(1000, "run it as root"), (0, "--privileged")])
def test_where_namespaces_are_forbidden_it_says_what_to_do(monkeypatch, tmp_path, uid, hint):
    for program in ("unshare", "sudo"):
        (tmp_path / program).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(rootless, "_ADMIN_FOLDERS", ())
    monkeypatch.setattr(rootless.os, "geteuid", lambda: uid)
    with pytest.raises(UserError, match="network namespaces") as forbidden:
        rootless.settle()
    assert hint in forbidden.value.hint


def test_a_user_finds_the_programs_of_root(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(rootless, "_works", lambda *command: True)
    monkeypatch.setattr(rootless.os, "geteuid", lambda: 0)
    rootless.settle()
    assert rootless.os.environ["PATH"] == "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
