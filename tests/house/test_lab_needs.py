"""What the lab says when something that it needs is missing."""

import pytest

from spamgate_tools.errors import UserError
from spamgate_tools.lab import lwip_program, rootless
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


def test_a_router_that_cannot_be_built_says_why(monkeypatch, tmp_path):
    build = tmp_path / "micropython.sh"
    build.write_text("#!/bin/sh\necho 'micropython: these packages are needed: gcc' >&2\nexit 2\n")
    build.chmod(0o755)
    steps = []
    monkeypatch.setattr(lwip_program, "_BUILD", build)
    monkeypatch.setattr(lwip_program, "_PROGRAM", tmp_path / "micropython")
    with pytest.raises(UserError, match="cannot be built here: micropython: these packages are needed: gcc") as cannot:
        lwip_program.built_lwip_micropython(steps.append)
    assert steps and str(build) in cannot.value.hint
    build.unlink()
    with pytest.raises(UserError, match="sources, which are not here"):
        lwip_program.built_lwip_micropython(steps.append)
