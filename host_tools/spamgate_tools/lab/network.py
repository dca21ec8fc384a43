"""The lab's network: a home behind a router, and an internet, each machine in a namespace of its own.

    host ─┐
    host ─┤ br-lan    ┌────────┐ wan0        eth0 ┌──────────┐
          ├───────────┤ router ├──────────────────┤ internet │ 198.51.100.0/24, 2001:db8:100::/64
    guest ┘ br-guest  └────────┘                  └──────────┘

    with Network("trial") as net:
        nas = net.host("nas", dhcp_name="nas")
        net.internet.add_address("198.51.100.25")
        nas.run(["ping", "-c1", "198.51.100.25"])

The router forwards both protocols, translates IPv4 as any router does, and filters nothing: that is the gateway's part.
Where its kernel is not to route (`kernel_routes=False`), it has bridges and interfaces but no address: a program owns
them, and translates nothing, so the internet knows the way back to the home.
Whatever a killed run left is removed when the next begins.
"""

import atexit
import itertools
from types import TracebackType

from spamgate_tools.lab.host import Host, needed
from spamgate_tools.lab.leftovers import Run, sweep
from spamgate_tools.lab.offload import complete_checksums
from spamgate_tools.lab.waiting import wait_until

LAN = "br-lan"
GUEST = "br-guest"
WAN = "wan0"
PORT = "port"  # how the names of the bridges' ports begin
WAN_ADDRESSES = ("203.0.113.77/24", "2001:db8:113::77/64")
NEXT_HOPS = ("203.0.113.1/24", "2001:db8:113::1/64")
HOME_NETWORKS = ("192.168.77.0/24", "192.168.78.0/24", "fd77:77::/64", "2001:db8:77::/64")

# name: IPv4 network, unique-local and global IPv6 network, MAC of the bridge
_LANS = {
    LAN: ("192.168.77.", "fd77:77::", "2001:db8:77::", "02:53:47:00:77:01"),
    GUEST: ("192.168.78.", "fd77:78::", "2001:db8:78::", "02:53:47:00:78:01"),
}
_FIRST_HOST = 10
_PLUGGED_S = 20.0
_MASQUERADE = """
table inet home_nat {
  chain outgoing {
    type nat hook postrouting priority srcnat;
    meta nfproto ipv4 oifname "wan0" masquerade
  }
}
"""
_FORWARDING = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.forwarding=1")
_SWITCHING = (
    "net.ipv4.ip_forward=0",
    "net.ipv6.conf.all.forwarding=0",
    "net.ipv6.conf.all.disable_ipv6=1",
    "net.ipv6.conf.default.disable_ipv6=1",
)
# As on routers: what stays within a bridge is no business of the packet filter (br_netfilter makes it so, where loaded)
_BRIDGING = ("net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")


class Network:
    """Built on entry, removed on exit, also at the interpreter's end."""

    def __init__(self, name: str = "spamgate", kernel_routes: bool = True) -> None:
        needed("ip", "nft", "setpriv", "mount")
        sweep()
        self.kernel_routes = kernel_routes
        self._run = Run(name)
        self.folder = self._run.folder
        self.hosts: dict[str, Host] = {}
        self._numbers = {lan: itertools.count(_FIRST_HOST) for lan in _LANS}
        self._ports = itertools.count(1)
        atexit.register(self.close)
        try:
            self.router = self._machine("router")
            self.internet = self._machine("internet")
            self._build_router()
            self._build_internet()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Network":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every program in the namespaces and remove them; a second call does nothing."""
        if self._run:
            atexit.unregister(self.close)
            self._run.remove()

    def host(self, name: str, mac: str | None = None, lan: str = LAN, dhcp_name: str | None = None) -> Host:
        """Add a device to a LAN of the home: one interface eth0, fixed addresses, default routes.

        The last part of its addresses is the same number in all of them, counted from 10; its MAC ends in it too.
        `dhcp_name` is kept for whoever sends its DHCP packets.
        """
        four, six, world, _ = _LANS[lan]
        number = next(self._numbers[lan])
        host = self._machine(name, mac or f"02:00:00:00:{_LANS[lan][3][12:14]}:{number:02x}")
        host.dhcp_name = dhcp_name or ""
        self._plug_in(host, lan)
        host.add_address(f"{four}{number}/24")
        host.add_address(f"{six}{number}/64")
        host.add_address(f"{world}{number}/64")
        host.default_routes(f"{four}1", f"{world}1")
        host.use_resolver(f"{four}1")
        return host

    @staticmethod
    def gateway(lan: str) -> str:
        """Return the router's IPv4 address on a LAN."""
        return f"{_LANS[lan][0]}1"

    def _machine(self, name: str, mac: str = "") -> Host:
        host = Host(name, f"{self._run.name}-{name}", self.folder / name, mac)
        self.hosts[name] = host
        return host

    def _plug_in(self, host: Host, lan: str) -> None:
        port = f"{PORT}{next(self._ports)}"
        host.ip(
            f"link add eth0 address {host.mac} type veth peer name {port} netns {self.router.namespace}",
            "link set eth0 up",
        )
        self.router.ip(f"link set {port} master {lan} up")
        what = f"{host.name} on {lan}"
        wait_until(lambda: _is_up(host) and _is_up(self.router, port, "forwarding"), _PLUGGED_S, what)
        if not self.kernel_routes:
            complete_checksums(host.namespace, host.interface)

    def _build_router(self) -> None:
        router = self.router
        router.sysctl(*_BRIDGING, *(_FORWARDING if self.kernel_routes else _SWITCHING))
        for lan, (_, _, _, mac) in _LANS.items():
            bridge = f"link add {lan} address {mac} type bridge forward_delay 0 mcast_snooping 0"
            router.ip(bridge, f"link set {lan} up")
            for address in lan_addresses(lan) if self.kernel_routes else ():
                router.add_address(address, lan)
        router.interface = LAN
        router.mac = _LANS[LAN][3]
        if self.kernel_routes:
            router.run(["nft", "-f", "-"], input=_MASQUERADE)

    def _build_internet(self) -> None:
        internet, router = self.internet, self.router
        internet.ip(f"link add eth0 type veth peer name {WAN} netns {router.namespace}", "link set eth0 up")
        router.ip(f"link set {WAN} up")
        wait_until(lambda: _is_up(internet) and _is_up(router, WAN), _PLUGGED_S, WAN)
        for far in NEXT_HOPS:
            internet.add_address(far)
        near4, near6 = (address.partition("/")[0] for address in WAN_ADDRESSES)
        for four, _, world, _ in _LANS.values():
            internet.ip(f"route add {world}/64 via {near6}")
            if not self.kernel_routes:
                internet.ip(f"route add {four}0/24 via {near4}")
        internet.gateway4 = near4
        if self.kernel_routes:
            for near in WAN_ADDRESSES:
                router.add_address(near, WAN)
            router.ip(*(f"route add default via {far.partition('/')[0]}" for far in NEXT_HOPS))
        else:
            complete_checksums(internet.namespace, internet.interface)


def _is_up(host: Host, interface: str = "", state: str = "") -> bool:
    """Does it pass frames, as its bridge sees it too?  The kernel sees to that some time after `ip` has ended."""
    told = host.link(interface or host.interface)
    bridged = told.get("linkinfo", {}).get("info_slave_data", {})
    return told["operstate"] == "UP" and (not state or bridged.get("state") == state)


def lan_addresses(lan: str) -> list[str]:
    """Return the router's addresses on a LAN: `192.168.77.1/24`, then unique-local and global IPv6."""
    four, six, world, _ = _LANS[lan]
    return [f"{four}1/24", f"{six}1/64", f"{world}1/64"]
