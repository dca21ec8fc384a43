"""Looking at the web: the look-ups a browser makes, then a page."""

import asyncio
import contextlib
import ssl

from spamgate_tools.lab.devices.device import Device

_HTTP = 80
_PATIENCE_S = 5.0
_PAGE_BYTES = 1 << 20
_QTYPES = ("A", "AAAA", "HTTPS")  # what browsers ask at once (RFC 8305, RFC 9460)


async def visit(device: Device, host: str) -> None:
    """Look a host up and fetch its first page; IPv4 first, as the report shall not depend on the weather."""
    addresses: list[str] = []
    for qtype in _QTYPES:
        found = await device.resolver.ask(host, qtype)
        addresses += found if qtype != "HTTPS" else []
    if not addresses:
        return
    try:
        async with asyncio.timeout(_PATIENCE_S):
            size = await _fetch(device, host, addresses[0])
    except (OSError, TimeoutError) as error:
        device.report.tell("failed", server=addresses[0], name=host, stage="web", reason=str(error) or "no answer")
        return
    device.report.tell("web", name=host, server=addresses[0], size=size)


async def browse(device: Device, mean_s: float) -> None:
    """Visit one site after another until the end."""
    while not device.is_over:
        await visit(device, device.dice.choice(device.options.sites))
        await device.pause(device.dice.expovariate(1 / mean_s))


async def _fetch(device: Device, host: str, address: str) -> int:
    port = device.options.web_port
    context: ssl.SSLContext | None = None
    if port != _HTTP:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    name = host if context else None
    local = (device.options.source, 0) if device.options.source and ":" not in address else None
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name, local_addr=local)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
        size = 0
        while size < _PAGE_BYTES and (piece := await reader.read(4096)):
            size += len(piece)
        return size
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
