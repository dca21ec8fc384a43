"""The modules `machine` and `network` of MicroPython's ESP32 port, and the air and the cable around the chip.

For a router also `mailgate`, as far as starting goes, and `esp32`, as far as the bootloader goes.

Signatures, errors and oddities are those of the port's sources (1.26.1: network_wlan.c, network_lan.c, machine_wdt.c,
machine_rtc.c, modmachine.c): `status` keeps telling why the last attempt failed until one succeeds; joining while an
attempt runs is an error; a new WDT gives the running one another time.  Nothing of this was compared with a chip.
"""

import sys

NO_AP_FOUND = 201
AUTH_FAIL = 202
IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
HOME = ("192.168.1.7", "255.255.255.0", "192.168.1.1", "192.168.1.1")
NOWHERE = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")


class Restarted(BaseException):
    """The chip was reset."""


class World:
    """What surrounds the chip, and what it was told."""

    def __init__(self):
        self.networks = {"Home": "secret-of-home"}  # in reach, with their passwords
        self.has_dhcp = True
        self.given = HOME
        self.radio_error = None
        self.cable = False
        self.chip_answers = True
        self.cause = 1
        self.rtc_memory = b""
        self.date = None
        self.watchdog_ms = 0
        self.feeds = 0
        self.lan_options = None
        self.hostname = "mpy-esp32"
        self.station = FakeWLAN(self)
        self.access_point = FakeAccessPoint(self)
        self.gate = FakeGate(self)
        self.chip = FakeEsp32()
        self.machine = FakeMachine(self)
        self.network = FakeNetwork(self)

    def install(self):
        """Be what `import machine` and `import network` find from now on."""
        sys.modules["machine"] = self.machine
        sys.modules["network"] = self.network
        for name in ("esp32", "esp32_wifi", "esp32_ethernet", "esp32_home", "esp32_router"):
            sys.modules.pop("spamgate.hal." + name, None)

    def install_router(self):
        """As `install`, of a MicroPython with the mail gate in it."""
        self.install()
        sys.modules["mailgate"] = self.gate
        sys.modules["esp32"] = self.chip

    def power_cut(self):
        """All that was kept is gone."""
        self.cause, self.rtc_memory, self.watchdog_ms = 1, b"", 0
        self.station = FakeWLAN(self)
        self.access_point = FakeAccessPoint(self)


class FakeWLAN:
    """network.WLAN: one station object, whatever asks for it."""

    PM_NONE = 0
    IF_STA = 0

    def __init__(self, world):
        self._world = world
        self._active = False
        self._connected = ""
        self._wanted = None  # (name, password) of the attempt that runs
        self._reason = 0
        self.options = {"reconnects": -1, "pm": 1}
        self.attempts = []

    def active(self, is_active=None):
        if is_active is not None:
            if self._world.radio_error:
                raise OSError(self._world.radio_error)
            self._active = is_active
        return self._active

    def connect(self, ssid=None, key=None, *, bssid=None):
        self._need(self._active, "Wifi Not Started")
        self._need(self._wanted is None, "Wifi Internal State Error")
        self._need(key is None or len(key) <= 64, "Wifi Invalid Password")
        self._connected = ""
        self._wanted = (ssid, key)
        self.attempts.append((ssid, key))

    def disconnect(self):
        self._need(self._active, "Wifi Not Started")
        self._connected, self._wanted = "", None

    def isconnected(self):
        return bool(self._connected) and self._world.has_dhcp

    def status(self, param=None):
        if self.isconnected():
            return GOT_IP
        if self._reason:
            return self._reason
        return CONNECTING if self._wanted or self._connected else IDLE

    def config(self, *names, **options):
        if options:
            self._need(self._wanted is None, "Wifi Internal State Error")
            for name, value in options.items():
                if name not in self.options:
                    raise ValueError("unknown config param")
                self.options[name] = value
            return None
        if names != ("ssid",):
            raise ValueError("unknown config param")
        return self._connected

    def ifconfig(self):
        return self._world.given if self.isconnected() else NOWHERE

    # --- the air ---------------------------------------------------------------------------------

    def settle(self):
        """The attempt that runs comes to its end."""
        if self._wanted is None:
            return
        name, key = self._wanted
        self._wanted = None
        if name not in self._world.networks:
            self._reason = NO_AP_FOUND
        elif self._world.networks[name] != key:
            self._reason = AUTH_FAIL
        else:
            self._connected = name
            if self._world.has_dhcp:
                self._reason = 0

    def fade(self):
        """The network is gone."""
        self._connected = ""
        self._reason = 200

    def _need(self, truth, text):
        if not truth:
            raise OSError(text)


class FakeAccessPoint:
    """network.WLAN(IF_AP): until it is told otherwise it has the chip's name and is open to all."""

    MAC = b"\x24\x6f\x28\x01\x02\x04"

    def __init__(self, world):
        self._world = world
        self._active = False
        self._ifconfig = ("192.168.4.1", "255.255.255.0", "192.168.4.1", "0.0.0.0")
        self.options = {"ssid": "ESP_010204", "key": "", "security": 0, "max_clients": 4}
        self.needs_active = False  # as a version of the port that takes no option of what is off
        self.on_air = []  # name and security, as everybody around saw it
        self.in_reach = []  # MACs of the devices that are in

    def active(self, is_active=None):
        if is_active is not None:
            if self._world.radio_error:
                raise OSError(self._world.radio_error)
            if is_active and not self._active:
                self._seen()
            self._active = is_active
            if not is_active:
                self.in_reach = []
        return self._active

    def config(self, *names, **options):
        if names == ("mac",):
            return self.MAC
        if names:
            raise ValueError("unknown config param")
        if self.needs_active and not self._active:
            raise OSError("Wifi Invalid Mode")
        for name, value in options.items():
            if name not in self.options:
                raise ValueError("unknown config param")
            self.options[name] = value
        if self._active:
            self._seen()
        return None

    def ifconfig(self, given=None):
        if given is None:
            return self._ifconfig
        if len(given) != 4:
            raise ValueError("requested length 4 but object has length %d" % len(given))
        self._ifconfig = given
        return None

    def status(self, param=None):
        if param != "stations":
            raise ValueError("unknown status param")
        if not self._active:
            raise OSError("Wifi Invalid Mode")
        return [(mac,) for mac in self.in_reach]

    def _seen(self):
        self.on_air.append((self.options["ssid"], self.options["security"]))


class FakeGate:
    """The module `mailgate`: there must be an access point that is up."""

    def __init__(self, world):
        self._world = world
        self.starts = 0
        self.error = 0

    def start(self, *words):
        if words:
            raise ValueError("no such words")
        if self.error or not self._world.access_point.active():
            raise OSError(self.error or 19)
        self.starts += 1
        if self.starts > 1:
            raise OSError(114)


class FakeEsp32:
    """The module `esp32`, as far as a router of two applications needs it."""

    def __init__(self):
        self.is_on_trial = True
        chip = self

        class Partition:
            @staticmethod
            def mark_app_valid_cancel_rollback():
                if not chip.is_on_trial:
                    raise OSError(-258)
                chip.is_on_trial = False

        self.Partition = Partition


class FakeLAN:
    """network.LAN with a PHY on RMII pins."""

    def __init__(self, world):
        self._world = world
        self._active = False

    def active(self, is_active=None):
        if is_active is not None:
            self._active = is_active
        return self._active

    def status(self):
        if not self._active:
            return 0
        if not self._world.cable:
            return 4
        return 5 if self._world.has_dhcp else 3

    def isconnected(self):
        return self._active and self.status() == 5

    def ifconfig(self):
        return self._world.given if self.isconnected() else NOWHERE


class FakeNetwork:
    """The module `network`."""

    PHY_LAN8720 = 1
    ETH_CONNECTED = 3
    STAT_IDLE = IDLE
    STAT_CONNECTING = CONNECTING
    STAT_GOT_IP = GOT_IP
    STAT_NO_AP_FOUND = NO_AP_FOUND
    STAT_WRONG_PASSWORD = AUTH_FAIL
    STAT_HANDSHAKE_TIMEOUT = 204

    def __init__(self, world):
        self._world = world
        self.WLAN = _Maker(self._make_wlan)
        self.WLAN.PM_NONE = 0
        self.WLAN.IF_STA, self.WLAN.IF_AP = 0, 1
        self.WLAN.SEC_WPA2 = 3

    def LAN(self, id=None, *, phy_addr, phy_type, mdc=None, mdio=None, **options):  # noqa: A002, N802  as there
        if mdc is None or mdio is None:
            raise ValueError("mdc and mdio must be specified")
        for name in options:
            if name not in ("reset", "power", "ref_clk", "ref_clk_mode", "spi", "cs", "int"):
                raise TypeError("unexpected keyword argument " + name)
        if not self._world.chip_answers:
            raise OSError("esp_eth_driver_install failed")
        self._world.lan_options = dict(options, mdc=mdc, mdio=mdio, phy_addr=phy_addr, phy_type=phy_type)
        return FakeLAN(self._world)

    def hostname(self, name=None):
        if name is not None:
            if len(name) > 32:
                raise ValueError
            self._world.hostname = name
        return self._world.hostname

    def _make_wlan(self, interface_id=0):
        return self._world.access_point if interface_id else self._world.station


class _Maker:
    """Something to call that has constants, too."""

    def __init__(self, make):
        self._make = make

    def __call__(self, *values):
        return self._make(*values)


class FakePin:
    """machine.Pin."""

    OUT = 3

    def __init__(self, number):
        if not 0 <= number < 40:
            raise ValueError("invalid pin")
        self.number = number


class FakeWDT:
    """machine.WDT: one watchdog, however often it is made."""

    def __init__(self, world, timeout):
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._world = world
        world.watchdog_ms = timeout

    def feed(self):
        self._world.feeds += 1


class FakeRTC:
    """machine.RTC."""

    def __init__(self, world):
        self._world = world

    def datetime(self, date=None):
        if date is None:
            return self._world.date
        if len(date) != 8:
            raise ValueError("requested length 8")
        self._world.date = tuple(date)
        return None

    def memory(self, data=None):
        if data is None:
            return self._world.rtc_memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        self._world.rtc_memory = bytes(data)
        return None


class FakeMachine:
    """The module `machine`."""

    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    Pin = FakePin

    def __init__(self, world):
        self._world = world

    def WDT(self, id=0, timeout=5000):  # noqa: A002, N802  as there
        if id != 0:
            raise ValueError
        return FakeWDT(self._world, timeout)

    def RTC(self):  # noqa: N802  as there
        return FakeRTC(self._world)

    def reset_cause(self):
        return self._world.cause

    def reset(self):
        self._world.cause = self.HARD_RESET
        raise Restarted

    def unique_id(self):
        return b"\x24\x6f\x28\x01\x02\x03"
