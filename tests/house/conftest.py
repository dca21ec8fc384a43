"""What tests of the lab's device programs share."""

import shutil
import subprocess

import pytest
from device_scene import Scene


@pytest.fixture
def scene(tmp_path):
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        pytest.skip("not run: no unshare, nsenter or ip here")
    scenes: list[Scene] = []

    def make(replies: dict | None = None, **script) -> Scene:
        scenes.append(Scene(tmp_path, replies or {}, **script))
        return scenes[-1]

    yield make
    for made in scenes:
        made.process.kill()
        made.process.communicate()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("not run: no openssl here")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    name = "mail.provider.example"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    names = ["-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*new, *names, "-keyout", path, "-out", path], check=True, capture_output=True)
    return str(path)
