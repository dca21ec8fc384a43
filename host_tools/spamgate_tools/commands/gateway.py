"""`spamgate gateway`: run the firmware on this Linux router."""

import click

from spamgate_tools.control import SOCKET_VARIABLE
from spamgate_tools.gateway import merge_settings, read_config, run_gateway

_FOLDER = click.Path(file_okay=False)


@click.command()
@click.option("--lan", metavar="IF", multiple=True, help="An interface towards the home; may be repeated.")
@click.option("--wan", metavar="IF", multiple=True, help="An interface towards the internet; may be repeated.")
@click.option("--config", metavar="FILE", type=click.Path(dir_okay=False), help="Settings as JSON; options come first.")
@click.option("--state", "state_dir", metavar="DIR", type=_FOLDER, help="Folder for verdicts, grants and connections.")
@click.option("--event-log", metavar="FILE", help="Where events are written, one JSON object a line; - is the screen.")
@click.option("--socket", "control", metavar="PATH", envvar=SOCKET_VARIABLE, help="Control socket.")
@click.option("--monitor-only", is_flag=True, help="Decide and tell, but let everything pass.")
@click.option("--json", "as_json", is_flag=True, help="As --event-log -")
def gateway(as_json: bool, monitor_only: bool, config: str | None, **options: object) -> None:
    """Run on this Linux router.

    Watches the mail and DNS of a home and holds back the one device that sends spam.  Runs between the interfaces --lan
    and --wan, as root, until you stop it with Ctrl-C; then nothing of it is left in the kernel.  What is not set by an
    option or in the settings file has its default; all settings are listed in boards/README.md.

    \b
    Examples:
      spamgate gateway --lan br-lan --wan eth0
      spamgate gateway --lan br-lan --lan br-guest --wan eth0 --monitor-only
      spamgate gateway --config /etc/spamgate/spamgate.json

    \b
    Exit codes: 0 stopped, 2 settings or a missing part; one line says which.
    """
    if as_json:
        options["event_log"] = "-"
    if monitor_only:
        options["monitor_only"] = True
    run_gateway(merge_settings(read_config(config) if config else {}, options))
