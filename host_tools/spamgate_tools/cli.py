"""The command `spamgate`: one command a verb; errors are one line that says what, where and what to do."""

import sys
from importlib import import_module

import click

from spamgate_tools import __version__
from spamgate_tools.errors import EXIT_FAILED, UserError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_MODULES = {
    "backup": "backup",
    "blocklist": "blocklist",
    "boards": "boards",
    "clock": "board",
    "confirm": "confirm",
    "decode": "decode",
    "devices": "devices",
    "eval": "eval",
    "explain": "explain",
    "flash": "flash",
    "gateway": "gateway",
    "grant": "grant",
    "inventory": "inventory",
    "journal": "board",
    "lab": "lab",
    "link-key": "link_key",
    "metrics": "board",
    "monitor": "monitor",
    "provision": "provision",
    "put": "put",
    "release": "release",
    "replay": "replay",
    "settings": "board",
    "trace": "trace",
}
_FUNCTIONS = {"eval": "evaluate", "link-key": "link_key"}  # where it is not called as its verb


class _Verbs(click.Group):
    """Imports a verb's module when it is asked for: all of them take longer than most verbs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"spamgate_tools.commands.{_MODULES[cmd_name]}")
        verb = getattr(module, _FUNCTIONS.get(cmd_name, cmd_name))
        assert isinstance(verb, click.Command)
        return verb


@click.group(cls=_Verbs, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="spamgate")
def spamgate() -> None:
    """Find the one device in a home that sends spam.

    \b
    Example: which device in this capture sends spam?
      spamgate replay home.pcap
    """


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
