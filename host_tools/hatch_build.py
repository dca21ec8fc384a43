"""A wheel carries the firmware package and the boards' data too; an editable install reads them where they lie."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FirmwareHook(BuildHookInterface):
    """Add firmware/spamgate and boards/ to wheels only: copied into an editable install they would grow stale there."""

    def initialize(self, version: str, build_data: dict) -> None:
        if version != "editable":
            build_data["force_include"]["../firmware/spamgate"] = "spamgate"
            build_data["force_include"]["../boards"] = "spamgate_tools/boards/data"
