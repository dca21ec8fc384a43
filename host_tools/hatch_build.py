"""A wheel carries the firmware package too; an editable install reads it where it lies."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FirmwareHook(BuildHookInterface):
    """Add firmware/spamgate to wheels only: copied into an editable install it would grow stale there."""

    def initialize(self, version: str, build_data: dict) -> None:
        if version != "editable":
            build_data["force_include"]["../firmware/spamgate"] = "spamgate"
