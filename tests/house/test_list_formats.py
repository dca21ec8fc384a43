"""What each line of each format means: entries, or the reason why it is none."""

import pytest

from spamgate_tools.blocklist.entry import CHILDREN, DOMAIN, EXACT
from spamgate_tools.blocklist.formats import FORMATS
from spamgate_tools.blocklist.intake import Intake
from spamgate_tools.blocklist.names import dotted

WORDS = {DOMAIN: "", EXACT: "=", CHILDREN: "*."}


def meaning(format: str, text: str | bytes, rpz: str = "auto") -> tuple[list[str], list[str]]:
    """Return entries and why others were skipped, both sorted; `!` marks what is allowed, `=` and `*.` kinds."""
    intake = Intake(text.encode() if isinstance(text, str) else text, rpz=rpz)
    FORMATS[format].read(intake)
    found = []
    for mark, names in (("", intake.entries.blocked), ("!", intake.entries.allowed)):
        found += [mark + WORDS[kind] + dotted(name) for kind in names for name in names[kind]]
    for packed, length in intake.entries.networks:
        found.append(f"{packed.hex()}/{length}")
    return sorted(found), sorted(intake.skipped)


HOME = "network of a home, of the machine itself or of groups"
WIDE = "network too wide: shorter than /8, or /16 of IPv6"
ABOUT_NO_NAME = "setting that is about no name"
ELEMENTS, PAGE, OWN = "rule about elements of pages", "rule about an address of a page", "the machine's own names"
NO_END, NO_BEGIN = "pattern without an end (^)", "pattern without a beginning (||)"
LINES = [
    # hosts
    ("hosts", "0.0.0.0 a.example", ["a.example"], []),
    ("hosts", "127.0.0.1\ta.example  www.B.example # c.example", ["a.example", "www.b.example"], []),
    ("hosts", ":: a.example.", ["a.example"], []),
    ("hosts", "127.0.0.1 localhost\n::1 ip6-localhost\nfe80::1%lo0 localhost", [], [OWN]),
    ("hosts", "216.239.38.120 www.google.com", [], ["answer with an address of its own"]),
    ("hosts", "0.0.0.0 word", [], ["name without a dot"]),
    ("hosts", "0.0.0.0 5.45.67.89", ["052d4359/32"], []),
    ("hosts", "0.0.0.0", [], ["no name after the address"]),
    ("hosts", "0.0.0.0 bücher.example", ["xn--bcher-kva.example"], []),
    # plain
    ("plain", "a.example # why\n; b.example\n// c\n! d\n# e", ["a.example"], []),
    ("plain", "*.a.example\n.b.example\n=c.example", ["=c.example", "a.example", "b.example"], []),
    ("plain", "ads.*\n*ads*\na[0-9].example", [], ["pattern"]),
    ("plain", "https://a.example/x\nb.example/x", [], ["address of a page"]),
    ("plain", "this is prose", [], ["more than a name"]),
    ("plain", "_dmarc.a-.example\n-x-.example", ["-x-.example", "_dmarc.a-.example"], []),
    (
        "plain",
        "a..example\n" + "x" * 64 + ".example\na@b.example",
        [],
        ["empty label", "label of more than 63 bytes", "not a name"],
    ),
    ("plain", ".".join(["x" * 60] * 5), [], ["name of more than 253 bytes"]),
    ("plain", "5.6.7.8\n5.6.8.0/24\n2a02:1::/32", ["05060708/32", "05060800/24", "2a020001" + "0" * 24 + "/32"], []),
    ("plain", "256.1.1.1\n1.2.3", [], ["the last label is a number"]),
    (
        "plain",
        "банрек.рус\nfaß.example\nａ．example",
        ["a.example", "xn--80abnuns.xn--p1acf", "xn--fa-hia.example"],
        [],
    ),
    ("plain", "☃.example", [], ["no name that IDNA 2008 knows"]),
    ("plain", b"a\xff.example", [], ["broken UTF-8"]),
    ("plain", b"# caf\xe9\na.example", ["a.example"], []),
    ("json", '["a.example", ".b.example", "", 7]', ["a.example", "b.example"], ["not a name"]),
    # AdBlock
    ("adblock", "||a.example^\n||b.example^|\n||top^", ["a.example", "b.example", "top"], []),
    ("adblock", "@@||a.example^\n@@|b.example^", ["!=b.example", "!a.example"], []),
    ("adblock", "|a.example^\n|b.example|", ["=a.example", "=b.example"], []),
    ("adblock", "||*.a.example^\n.b.example^\n*.c.example^", ["*.a.example", "*.b.example", "*.c.example"], []),
    ("adblock", "a.example\n0.0.0.0 b.example # why", ["a.example", "b.example"], []),
    ("adblock", "||a.example\n||word\n|b.example\n||c.example^*\n||d.", ["a.example"], [NO_END]),
    ("adblock", "a.example^\n@@b.example^", [], [NO_BEGIN]),
    ("adblock", "||a*.example^\n||a.*^", [], ["pattern with *"]),
    ("adblock", "*ads*\n.ads.", [], ["pattern without marks"]),
    ("adblock", "||a.example/x^\n||b.example^/x\nhttp://c.example^", [], [PAGE]),
    ("adblock", "/ads[0-9]/\n@@/x/$important", [], ["regular expression"]),
    ("adblock", "a.example##.ad\n###ad\n##.b.example\n#@#.c\nd.example#%#x()\ne.example$$script", [], [ELEMENTS]),
    ("adblock", "! b.example\n# c.example\n#\n[Adblock Plus 2.0]\n||a.example^", ["a.example"], []),
    ("adblock", "||a.example^$important\n||b.example^$all", ["a.example", "b.example"], []),
    (
        "adblock",
        "||a.example^$third-party\n||b.example^$important,dnstype=A",
        [],
        ["modifier dnstype", "modifier third-party"],
    ),
    ("adblock", "||a.example^$~xhr\n||b.example^$\x1b[31m", [], ["modifier that is none of DNS", "modifier xhr"]),
    ("adblock", "||a.example^$badfilter\n||a.example^\n||b.example^", ["b.example"], []),
    ("adblock", "||5.6.7.8^\n||[2a02:1::1]^", ["05060708/32", "2a020001" + "0" * 23 + "1/128"], []),
    ("adblock", "@@||5.6.7.8^", [], ["exception for an address"]),
    ("adblock", "||a.example.^", [], ["not a name"]),
    # dnsmasq
    (
        "dnsmasq",
        "address=/a.example/0.0.0.0\naddress=/b.example/::\naddress=/c.example/#\naddress=/d.example/",
        [*"abcd"],
        [],
    ),
    ("dnsmasq", "server=/a.example/\nlocal=/b.example/c.example/", [*"abc"], []),
    ("dnsmasq", "server=/a.example/\nserver=/b.a.example/#", ["!b.a.example", "a.example"], []),
    ("dnsmasq", "address=/a.example/192.0.2.1", [], ["answer with an address of its own"]),
    ("dnsmasq", "server=/a.example/192.0.2.1#53", [], ["name that another resolver is asked about"]),
    ("dnsmasq", "no-resolv\naddress=/#/0.0.0.0\nserver=//", [], [ABOUT_NO_NAME]),
    ("dnsmasq", "address=/*.a.example/0.0.0.0", ["*.a.example"], []),
    ("dnsmasq", "address=/*a.example/0.0.0.0", [], ["pattern"]),
    # Unbound
    ("unbound", 'server:\n local-zone: "a.example" always_nxdomain\nlocal-zone: b.example. static', [*"ab"], []),
    ("unbound", 'local-zone: "a.example" redirect\nlocal-data: "a.example A 0.0.0.0"', ["a.example"], []),
    (
        "unbound",
        'local-zone: "a.example" redirect\nlocal-data: "a.example 60 IN A 192.0.2.1"',
        [],
        ["answer with data of its own"],
    ),
    ("unbound", "local-data: 'a.example AAAA ::'", ["=a.example"], []),
    (
        "unbound",
        'local-zone: "a.example" refuse\nlocal-zone: "b.a.example" transparent',
        ["!b.a.example", "a.example"],
        [],
    ),
    ("unbound", 'local-zone: "a.example" transparent\nlocal-zone: "b.a.example" deny', ["b.a.example"], []),
    ("unbound", 'local-zone: "a.example" nodefault\nverbosity: 1', [], [ABOUT_NO_NAME, "zone of another type"]),
    # BIND
    ("bind", 'zone "a.example" { type master; file "x"; };\nzone "b.example" IN {\n type primary;\n};', [*"ab"], []),
    ("bind", '// zone "a.example" {type master;};\n/* zone "b.example"\n{type master;}; */', [], []),
    ("bind", 'zone "a.example" { type forward; };', [], ["zone of another type"]),
    ("bind", 'zone "a.example" {type master; allow-query { any; };};', ["a.example"], []),
    ("bind", 'zone "a.example" { type master;', [], ["zone that is not written as BIND wants it"]),
    ("bind", 'zone "localhost" {type master;};\nzone "2.0.192.in-addr.arpa" {type master;};', [], [OWN]),
    # addresses
    (
        "addresses",
        "5.6.7.0/24 ; SBL1\n5.6.8.9 # x\n; y\n5.6.9.0 - 5.6.9.255",
        ["05060700/24", "05060809/32", "05060900/24"],
        [],
    ),
    ("addresses", '{"cidr":"5.6.7.0/24","sblid":"SBL1"}\n{"type":"metadata","size":1}', ["05060700/24"], []),
    (
        "addresses",
        '{"cidr":\n{"asn":1}\n[1]',
        [],
        ["JSON object without a network", "not a JSON object", "not an address"],
    ),
    ("addresses", "5.6.7.1/24", [], ["bits beyond the prefix"]),
    ("addresses", "5.0.0.0/7\n2000::/3\n0.0.0.0/0", [], [WIDE]),
    ("addresses", "192.168.1.0/24\n127.0.0.1\nfe80::1\n::1\n224.0.0.5\n::ffff:5.6.7.8", [], [HOME]),
    ("addresses", "5.6.7.9-5.6.7.1\n5.6.7.8-2a02::1", [], ["range that goes backwards"]),
    ("addresses", "a.example\n5.6.7.8/33\n5.6.7.8/x\n5.6.7\n05.6.7.8", [], ["not an address"]),
]


@pytest.mark.parametrize(("format", "text", "entries", "reasons"), LINES)
def test_a_line_means(format: str, text: str | bytes, entries: list[str], reasons: list[str]) -> None:
    expected = [f"{entry}.example" if len(entry) == 1 else entry for entry in entries]
    assert meaning(format, text) == (sorted(expected), reasons)


# --- policy zones ---------------------------------------------------------------------------------

HEAD = "$TTL 60\n@ IN SOA localhost. root.localhost. (1 ; serial\n 2 3 4 5)\n NS localhost.\n"
OF_ITS_OWN = "answer with data of its own"
ZONES = [
    ("a.example CNAME .\nb.example 60 IN CNAME *.", [*"ab"], []),
    ("*.a.example CNAME .\nb.example CNAME .", ["*.a.example", "=b.example"], []),
    ("a.example CNAME .\n*.a.example CNAME .", ["a.example"], []),
    ("*.a.example CNAME .\nx.a.example CNAME rpz-passthru.", ["!=x.a.example", "*.a.example"], []),
    ("*.a.example CNAME rpz-passthru.\nx.a.example CNAME .", ["=x.a.example"], []),
    ("a.example CNAME .\nb.example CNAME RPZ-PassThru. ; why", ["!b.example", "a.example"], []),
    ("a.example CNAME a.example.", ["!a.example"], []),
    ("a.example CNAME rpz-drop.\nb.example CNAME rpz-tcp-only.", [], ["action rpz-drop", "action rpz-tcp-only"]),
    ('a.example A 192.0.2.1\n TXT "x;(y"\nb.example CNAME c.example.', [], [OF_ITS_OWN]),
    (
        "32.1.2.0.192.rpz-ip CNAME .\n24.0.2.0.192.rpz-client-ip CNAME .",
        [],
        ["trigger rpz-client-ip", "trigger rpz-ip"],
    ),
    (
        "ns.a.example.rpz-nsdname CNAME .\n32.1.2.0.192.rpz-nsip CNAME .",
        [],
        ["trigger rpz-nsdname", "trigger rpz-nsip"],
    ),
    ("* CNAME .", [], ["rule for every name"]),
    ("a.example.rpz.test. CNAME .", [], ["full name in a zone that does not say its own ($ORIGIN)"]),
    ("$INCLUDE other\n$GENERATE 1-9 x$ CNAME .", [], ["directive that is not followed"]),
    ("a.example\nb.example CNAME", [], ["not a record"]),
    ("a.example (CNAME\n", [], ["record whose bracket is never closed"]),
    ("a.example ( CNAME\n . )\nb.example CNAME .", [*"ab"], []),
    ("a.example RRSIG CNAME 8 2 60 x", [], []),
]


@pytest.mark.parametrize(("text", "entries", "reasons"), ZONES)
def test_a_policy_zone_means(text: str, entries: list[str], reasons: list[str]) -> None:
    expected = sorted(f"{entry}.example" if len(entry) == 1 else entry for entry in entries)
    assert meaning("rpz", HEAD + text) == (expected, reasons)
    if "rpz.test." not in text:  # the same with its name
        assert meaning("rpz", f"$ORIGIN rpz.test.\n{HEAD}{text}") == (expected, reasons)


def test_full_names_in_a_policy_zone_lose_the_zones_own() -> None:
    head = "rpz.test. SOA localhost. root.localhost. 1 2 3 4 5\n"
    zone = "a.example.rpz.test. CNAME .\n*.b.example.RPZ.test. CNAME .\nc.example. CNAME .\n"
    assert meaning("rpz", head + zone) == (["*.b.example", "=a.example"], ["name outside the zone"])


def test_a_policy_zone_is_read_as_asked_for() -> None:
    zone = HEAD + "a.example CNAME .\n*.a.example CNAME .\n*.b.example CNAME .\nc.example CNAME .\n"
    assert meaning("rpz", zone, "domain") == (["*.b.example", "a.example", "c.example"], [])
    assert meaning("rpz", zone, "exact") == (["*.b.example", "=c.example", "a.example"], [])
    assert meaning("rpz", HEAD + "c.example CNAME .\n", "exact") == (["=c.example"], [])
