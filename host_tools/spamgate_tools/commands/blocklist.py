"""`spamgate blocklist`: the group of the verbs that make, sign, look into and hand out lists."""

import click

from spamgate_tools.commands.blocklist_build import build
from spamgate_tools.commands.blocklist_diff import diff
from spamgate_tools.commands.blocklist_info import info
from spamgate_tools.commands.blocklist_keygen import keygen
from spamgate_tools.commands.blocklist_pull import pull
from spamgate_tools.commands.blocklist_push import push
from spamgate_tools.commands.blocklist_query import query
from spamgate_tools.commands.blocklist_sign import sign
from spamgate_tools.commands.blocklist_verify import verify


@click.group()
def blocklist() -> None:
    """Build, sign, look into and hand out lists.

    A list holds names and addresses of malware, spam and abuse.  Hosts files, plain names, AdBlock, dnsmasq, unbound,
    RPZ and address lists become one small file, which boards and routers read where it lies.

    \b
    Example: from a source on the web to a list that every board at hand enforces
      spamgate blocklist build https://lists.example/malware.txt -o home.sgb
      spamgate blocklist keygen home.key
      spamgate blocklist sign home.sgb --key home.key
      spamgate blocklist push home.sgb --all
    """


for verb in (build, info, query, diff, keygen, sign, verify, push, pull):
    blocklist.add_command(verb)
