"""Ethernet of an ESP32 with a PHY chip on its RMII pins (network.LAN of MicroPython's ESP32 port)."""

import machine  # type: ignore[import-not-found]  # MicroPython's
import network  # type: ignore[import-not-found]  # MicroPython's

from spamgate.core.compat import const

_MOST_HOSTNAME = const(32)
_PINS = ("mdc", "mdio", "power", "reset", "ref_clk")


class Ethernet:
    """One cable.  `nic` has the addresses once `tick` says that we are in; `trouble` says why not."""

    def __init__(self, settings) -> None:
        self.trouble = "no cable"
        self.nic = None
        network.hostname(settings.hostname[:_MOST_HOSTNAME])
        try:
            self.nic = _make(settings.ethernet)
            self.nic.active(True)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            self.nic = None
            self.trouble = "the Ethernet chip does not answer (%s): is it the right board?" % error

    def tick(self, now_ms: int) -> bool:
        """Return whether we are in, with an address.  The chip and the port do the rest."""
        nic = self.nic
        if nic is None:
            return False
        if nic.isconnected():
            return True
        has_cable = nic.status() == network.ETH_CONNECTED
        self.trouble = "the network gives us no address" if has_cable else "no cable"
        return False


def _make(wiring: dict):
    """Return the interface of a chip that is wired like this; takes 100 ms where it has to be switched on."""
    options = {name: machine.Pin(wiring[name]) for name in _PINS if wiring.get(name) is not None}
    if "ref_clk" in options:
        options["ref_clk_mode"] = machine.Pin.OUT  # the clock comes from the ESP32
    options["phy_type"] = getattr(network, "PHY_" + wiring["phy"])
    return network.LAN(phy_addr=wiring["phy_addr"], **options)
