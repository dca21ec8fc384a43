"""What a board gives the application, whatever it is made of: a shape, for readers and for the type checker."""

from spamgate.core.compat import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from typing import Any, Callable, Protocol

    from spamgate.hal.storage import Storage

    class Line(Protocol):
        """The serial line beside the REPL.  Neither call waits."""

        def has_input(self) -> bool:
            """Has anything arrived?"""
            ...

        def read_into(self, buf: "bytearray") -> int:
            """Put what has arrived into `buf`, from its start; return how much, 0 for nothing."""
            ...

        def write(self, view: "bytes | bytearray | memoryview") -> int:
            """Send; return how much of it the line took."""
            ...

    class Hardware(Protocol):
        """One board.  `hal/esp32.py` and `hal/unix_board.py` have it as `Hardware(folder)`."""

        name: str  # the board's: what identity.json calls it, else what MicroPython does
        storage: Storage  # the files of the board's flash
        line: Any  # as Line
        net: Any  # `hal/net.py` or `hal/esp32_net.py`: udp, udp_to, tcp_to, tcp_listener, accept, receive, split, join
        unique_id: bytes  # the chip's MAC; on Linux machine-id
        reset_cause: str  # "power", "reset", "watchdog", "soft" or "unknown"
        address: bytes  # our IPv4 address, empty while there is none
        resolvers: "list[str]"  # those the network told us, never ourselves
        trouble: str  # why there is no address, for the owner; empty when there is one
        clock_set: bool  # is the time of day right?

        def identity(self, key: str) -> str:
            """Return what provisioning wrote into identity.json ("serial", "board", "link_key"), or an empty text."""
            ...

        def read_settings(self, text: str) -> "Any":
            """Return the settings that this JSON text asks for, with defaults for the rest; SettingsError."""
            ...

        def list_slots(self) -> "list[Any]":
            """Return the two places for lists, as `store/list_slots.py` wants them; none where there is no room."""
            ...

        def join(self, settings, report: "Callable[[str], None]") -> None:
            """Begin to join the network; `tick` does the work, `report(text)` hears of every change.

            `settings` has `wifi_name`, `wifi_password`, `hostname`, `time_server` (a host name or an IPv4 address;
            empty: never ask) and `ethernet`: empty for Wi-Fi, else what network.LAN takes, such as
            {"phy": "LAN8720", "phy_addr": 0, "mdc": 23, "mdio": 18, "power": 12, "ref_clk": 17}.
            """
            ...

        def tick(self, now_ms: int) -> None:
            """Do what is due: join, join again, look at the addresses, ask for the time.  At least once a second."""
            ...

        def set_clock(self, unix_s: int) -> bool:
            """Set the time of day; False for a time that cannot be, or where the clock is not ours to set."""
            ...

        def starts(self) -> int:
            """Count this start; return how many in a row, with this one, did not live.  Call it once.

            A power cut ends the row; a soft reset, which somebody at the REPL asks for, does not count.
            """
            ...

        def lived(self) -> None:
            """Say that this start is a good one: the next counts from 1."""
            ...

        def watchdog_start(self) -> None:
            """From now on the board is reset when it is not fed for a minute."""
            ...

        def feed(self) -> None:
            """Say that all is well."""
            ...

        def watchdog_rest(self, minutes: int) -> None:
            """Leave the REPL to its user for so long; afterwards the board is reset and the firmware resumes."""
            ...

        def reset(self) -> None:
            """Start again from the beginning.  Does not return.  When all is well, say `lived` before."""
            ...

        def let_break_in(self, may: bool) -> None:
            """Does Ctrl-C on the line interrupt the program?  It does unless told otherwise."""
            ...

        def free_bytes(self) -> int:
            """Return the heap that is free, after a collection."""
            ...

    class InPath(Hardware, Protocol):
        """A board that forwards the home's packets: the C module `mailgate` sits between its LANs and lwIP.

        `join` and `tick` start it where the LANs are, and change what is said here as addresses come and go.
        """

        gate: Any  # the module
        lan: "list[str]"  # our addresses in the home, with the bits of the network: "192.168.77.1/24"; none: not up yet
        wan: "list[str]"  # our addresses outside
        lan_mac: bytes  # ours in the home
