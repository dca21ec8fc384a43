"""The command `spamgate`: one command a verb; errors are one line that says what, where and what to do."""

import sys

import click

from spamgate_tools import __version__
from spamgate_tools.commands.backup import backup
from spamgate_tools.commands.blocklist import blocklist
from spamgate_tools.commands.board import clock, journal, metrics, settings
from spamgate_tools.commands.boards import boards
from spamgate_tools.commands.confirm import confirm
from spamgate_tools.commands.decode import decode
from spamgate_tools.commands.devices import devices
from spamgate_tools.commands.eval import evaluate
from spamgate_tools.commands.explain import explain
from spamgate_tools.commands.flash import flash
from spamgate_tools.commands.gateway import gateway
from spamgate_tools.commands.grant import grant
from spamgate_tools.commands.inventory import inventory
from spamgate_tools.commands.lab import lab
from spamgate_tools.commands.link_key import link_key
from spamgate_tools.commands.monitor import monitor
from spamgate_tools.commands.provision import provision
from spamgate_tools.commands.put import put
from spamgate_tools.commands.release import release
from spamgate_tools.commands.replay import replay
from spamgate_tools.commands.trace import trace
from spamgate_tools.errors import EXIT_FAILED, UserError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="spamgate")
def spamgate() -> None:
    """Find the one device in a home that sends spam.

    \b
    Example: which device in this capture sends spam?
      spamgate replay home.pcap
    """


for verb in (gateway, devices, explain, release, grant, confirm, monitor, trace, replay, decode):
    spamgate.add_command(verb)
spamgate.add_command(flash)
spamgate.add_command(backup)
spamgate.add_command(boards)
spamgate.add_command(provision)
spamgate.add_command(inventory)
for verb in (settings, journal, metrics, clock, put):
    spamgate.add_command(verb)
spamgate.add_command(link_key)
spamgate.add_command(blocklist)
spamgate.add_command(lab)
spamgate.add_command(evaluate)


def main() -> None:
    """Run the command line; exit 0 done, 1 the answer is no, 2 something is wrong with what was given."""
    try:
        spamgate.main(standalone_mode=False)
    except UserError as error:
        _fail(str(error))
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_FAILED)
    except (click.Abort, KeyboardInterrupt):
        _fail("stopped")


def _fail(text: str) -> None:
    click.echo(f"spamgate: {text}", err=True)
    sys.exit(EXIT_FAILED)
