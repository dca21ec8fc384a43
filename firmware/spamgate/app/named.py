"""What the owner's settings say of devices by MAC: what they are called, and what they may send."""

from spamgate.core.compat import const
from spamgate.core.devices import GRANT_MAIL_SERVER, GRANT_SUBMISSION
from spamgate.core.identity import Identity
from spamgate.wire.address import mac_text

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from spamgate.core.engine import Engine

_GRANTS = {"submission": GRANT_SUBMISSION, "mail-server": GRANT_MAIL_SERVER}


def merge_grants(engine: "Engine", grants: "dict[str, str]") -> None:
    """Enrol and grant what the settings name; an owner's later word counts until the next start."""
    for mac, grant in grants.items():
        device = _device_of(engine, bytes([int(part, 16) for part in mac.split(":")]))
        if device > 0 and engine.devices.grant[device] != _GRANTS[grant]:
            engine.grant(device, _GRANTS[grant])


def name_devices(engine: "Engine", aliases: "dict[str, str]") -> None:
    """Call by the owner's name what has told none."""
    devices = engine.devices
    for device in range(1, devices.capacity if aliases else 0):
        if devices.is_present(device) and not devices.names[device]:
            devices.names[device] = aliases.get(mac_text(devices.mac(device)), "")


def _device_of(engine: "Engine", mac: bytes) -> int:
    """Return the device with this MAC, enrolled if it is new."""
    who = Identity()
    who.from_mac(mac, 0)
    device = engine.device(who)
    if device > 0:
        engine.devices.set_mac(device, mac, 0)
    return device
