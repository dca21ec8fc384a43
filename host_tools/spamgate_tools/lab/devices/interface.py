"""The device's network interface: its MAC, its addresses, and changes of both by the program `ip`."""

import asyncio
import json
import socket

from spamgate_tools.errors import UserError

ETH_P_IP = 0x0800


def mac(interface: str) -> bytes:
    """Return the interface's MAC address."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as probe:
        probe.bind((interface, 0))
        return bytes(probe.getsockname()[4])


def mac_text(address: bytes) -> str:
    """Return a MAC address as people write it."""
    return ":".join(f"{byte:02x}" for byte in address)


async def addresses(interface: str, version: int) -> list[tuple[str, int]]:
    """Return (address, prefix length) of all global addresses of the interface."""
    listing = await ip(f"-{version}", "-json", "address", "show", "dev", interface, "scope", "global")
    rows = [row for link in json.loads(listing or "[]") for row in link.get("addr_info", ())]
    return [(row["local"], row["prefixlen"]) for row in rows if "local" in row]


async def default_router(interface: str) -> str:
    """Return the address of the IPv4 router, or an empty string."""
    routes = json.loads(await ip("-4", "-json", "route", "show", "default", "dev", interface) or "[]")
    return routes[0].get("gateway", "") if routes else ""


async def ip(*words: str) -> str:
    """Run `ip` and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        "ip", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, complaint = await process.communicate()
    if process.returncode:
        raise UserError(f"ip {' '.join(words)}: {complaint.decode().strip()}")
    return output.decode()
