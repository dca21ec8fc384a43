"""Settings by name, so that one plan can make boards for different homes."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from spamgate_tools.errors import UserError
from spamgate_tools.gateway import read_config

DEFAULT = "default"


@dataclass(frozen=True)
class Profile:
    """Settings of a board; they may hold a Wi-Fi password and so stay out of the text form."""

    name: str
    settings: dict = field(repr=False)

    @property
    def sha256(self) -> str:
        """Return a digest that tells one state of the settings from another."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()


class Profiles:
    """The default, and those in a folder, each read once."""

    def __init__(self, default: Profile, folder: Path | None = None) -> None:
        self.default = default
        self._folder = folder
        self._read: dict[str, Profile] = {}

    def named(self, name: str, where: str) -> Profile:
        """Return a profile; `where` says who asks for it."""
        if name == DEFAULT:
            return self.default
        if name not in self._read:
            self._read[name] = Profile(name, self._settings(name, where))
        return self._read[name]

    def _settings(self, name: str, where: str) -> dict:
        if self._folder is None:
            raise UserError(f"{where}: profile {name!r}, and no folder to look in", "name it with --profiles DIR")
        path = self._folder / f"{name}.json"
        if path.parent != self._folder or not path.is_file():
            known = ", ".join(sorted(file.stem for file in self._folder.glob("*.json"))) or "none"
            raise UserError(f"{where}: no profile {name!r} in {self._folder}", f"there: {known}")
        return read_config(str(path))

