"""Make the universe of well-known names that comes with the host tools, from packages that others publish.

usage: ci/universe.py FOLDER
FOLDER holds the packages, unpacked and each named as in ORIGINS; universe/README.md says which they are, of which
version and under which licence.  Run by hand when these have grown old; writes one file of names for each.
"""

import csv
import json
import lzma
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import idna

INTO = Path(__file__).parents[1] / "host_tools" / "spamgate_tools" / "blocklist" / "universe"
_HOST_NAME = re.compile(r"(?!.*[-_]\.)(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!\d+$)[a-z0-9-]{2,63}")


def third_party_web(folder: Path) -> Iterable[str]:
    """Hosts that the most web pages load something from."""
    with (folder / "dist" / "domain-map.csv").open(encoding="utf-8") as rows:
        for row in csv.reader(rows):
            yield from (row[0], row[1].removeprefix("*."))
    for entity in json.loads((folder / "dist" / "entities.json").read_text(encoding="utf-8")):
        yield from (name.removeprefix("*.") for name in entity["domains"])
        yield re.sub(r"^https?://", "", entity.get("homepage") or "").split("/")[0]


def swot(folder: Path) -> Iterable[str]:
    """Schools and universities: a folder a label, from the top down."""
    top = folder / "data" / "lib" / "domains"
    out = {name for file in ("stoplist.txt", "abused.txt") for name in (top / file).read_text("utf-8").split()}
    for path in top.glob("*/**/*.txt"):
        name = ".".join(reversed(path.relative_to(top).with_suffix("").parts))
        if name not in out:
            yield name


def top_sites(folder: Path) -> Iterable[str]:
    """The sites that most others link to."""
    return (site["rootDomain"] for site in json.loads((folder / "top-sites.json").read_text(encoding="utf-8")))


def free_email_domains(folder: Path) -> Iterable[str]:
    """Domains in which people have their mail."""
    names: list[str] = json.loads((folder / "domains.json").read_text(encoding="utf-8"))
    return names


def email_providers(folder: Path) -> Iterable[str]:
    """More of them."""
    names: list[str] = json.loads((folder / "all.json").read_text(encoding="utf-8"))
    return names


def nodemailer(folder: Path) -> Iterable[str]:
    """The servers through which their owners send."""
    for service in json.loads((folder / "dist" / "well-known" / "services.json").read_text(encoding="utf-8")).values():
        yield from (service.get("host", ""), *service.get("domains", ()))


def spamassassin(folder: Path) -> Iterable[str]:
    """Senders known to be good: banks, shops, carriers."""
    for path in sorted(folder.glob("60_welcomelist*.cf")):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split("#")[0].split()
            if words and "welcomelist" in words[0]:
                yield from (word.rpartition("@")[2].removeprefix("*.") for word in words[1:])
    text = (folder / "25_uribl.cf").read_text(encoding="utf-8")
    for names in re.findall(r"^\s*uridnsbl_skip_domain\s+(.*)$", text, re.MULTILINE):
        yield from names.split()


def rspamd(folder: Path) -> Iterable[str]:
    """More of them."""
    for name in ("surbl-whitelist", "spf_dkim_whitelist", "dmarc_whitelist"):
        for line in (folder / f"{name}.inc").read_text(encoding="utf-8").splitlines():
            yield from line.split("#")[0].split()[:1]


def public_suffixes(folder: Path) -> Iterable[str]:
    """Names below which anyone can have one: a hit there would take thousands along."""
    for line in (folder / "public_suffix_list.dat").read_text(encoding="utf-8").splitlines():
        yield line.split("//")[0].strip().removeprefix("!").removeprefix("*.")


ORIGINS: tuple[Callable[[Path], Iterable[str]], ...] = (
    third_party_web,
    swot,
    top_sites,
    free_email_domains,
    email_providers,
    nodemailer,
    spamassassin,
    rspamd,
    public_suffixes,
)


def main() -> None:
    """Write universe/*.txt.xz; a name that an earlier file has is left out of the later ones."""
    seen: set[str] = set()
    for origin in ORIGINS:
        folder = Path(sys.argv[1]) / origin.__name__
        names = {name for name in map(_host_name, origin(folder)) if name} - seen
        seen |= names
        lines = "".join(f"{name}\n" for name in sorted(names, key=lambda name: name.split(".")[::-1]))
        path = INTO / f"{origin.__name__}.txt.xz"
        path.write_bytes(lzma.compress(lines.encode(), preset=9 | lzma.PRESET_EXTREME))
        print(f"{path.name:<28} {len(names):>8,} names {path.stat().st_size:>9,} bytes")
    print(f"{len(seen):,} names")


def _host_name(text: str) -> str:
    """Return a name as DNS has it, or nothing where it is none."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            return ""
    return name if _HOST_NAME.fullmatch(name) else ""


if __name__ == "__main__":
    main()
