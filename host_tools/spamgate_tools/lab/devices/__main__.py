"""`python -m spamgate_tools.lab.devices KIND ...`: be one device until its time is up or SIGTERM."""

import asyncio
import sys

from spamgate_tools.errors import EXIT_FAILED, EXIT_OK, UserError
from spamgate_tools.lab.devices.device import Device
from spamgate_tools.lab.devices.kinds import KINDS
from spamgate_tools.lab.devices.options import Options, parse
from spamgate_tools.lab.devices.report import Report

_GRACE_S = 5.0  # for a clean device's message under way when its time is up; bots have none


def main(arguments: list[str]) -> int:
    """Be the device that the command line describes."""
    options = parse(arguments, {name: kind.help for name, kind in KINDS.items()})
    try:
        asyncio.run(_live(options))
    except UserError as error:
        sys.stderr.write(f"{options.name or options.kind}: {error}\n")
        return EXIT_FAILED
    return EXIT_OK


async def _live(options: Options) -> None:
    kind = KINDS[options.kind]
    try:
        report = Report(options.report, options.name or options.kind)
    except OSError as error:
        raise UserError(f"{options.report}: {error.strerror}", "name a file to write with --report") from None
    await Device(options, report).live(kind.program, 0.0 if kind.is_bot else _GRACE_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
