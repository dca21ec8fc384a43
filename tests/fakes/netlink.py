"""Netlink messages as the kernel sends them, and a reader of those that it is sent: made from its headers, not ours."""

import struct

ENOENT = 2
EEXIST = 17

_SUBSYSTEM_NFTABLES = 10
_BATCH_BEGIN = 0x10
_BATCH_END = 0x11
_NEW_ELEMENT = 12
_DELETE_ELEMENT = 14
_JUMP = 0xFFFFFFFD


def attribute(kind, data, size=None):
    """Return an attribute; `size` is what it says of itself, if that is a lie."""
    return struct.pack("@HH", 4 + len(data) if size is None else size, kind) + data + bytes(-len(data) % 4)


def message(kind, body, size=None):
    """Return a message; `size` is what it says of itself, if that is a lie."""
    size = 16 + len(body) if size is None else size
    return struct.pack("@IHHII", size, kind, 0, 1, 0) + body + bytes(-len(body) % 4)


def error(code):
    """Return what the kernel answers to an order; 0 acknowledges."""
    return message(2, struct.pack("@i", -code) + bytes(16))


def number(kind, value):
    """Return an attribute that holds 32 bits in network order."""
    return attribute(kind, struct.pack(">I", value))


def logged(packet, mac=None, sequence=None, indev=2, outdev=3, **more):
    """Return what nfnetlink_log puts into a message for an IP packet, in the order it does (__build_packet_message)."""
    family = 2 if packet[:1] and packet[0] >> 4 == 4 else 10
    body = struct.pack(">BBH", family, 0, 25) + attribute(1, struct.pack(">HBx", 0x0800 if family == 2 else 0x86DD, 2))
    body += attribute(10, more["prefix"] + b"\0") if "prefix" in more else b""
    body += number(4, indev) if indev else b""
    body += number(5, outdev) if outdev else b""
    if mac is not None:
        body += attribute(8, struct.pack(">HH", len(mac), 0) + mac + bytes(8 - len(mac)))
        ethernet = b"\2\0\0\0\0\xfe" + mac + b"\x08\0"
        body += attribute(15, b"\0\1") + attribute(17, struct.pack(">H", len(ethernet))) + attribute(16, ethernet)
    body += more.get("before", b"")
    body += number(12, sequence) if sequence is not None else b""
    return body + attribute(9, packet)


def log_message(*what, **more):
    """Return a whole message with a logged packet."""
    return message(4 << 8, logged(*what, **more))


def attributes(data):
    """Return {kind: value} of attributes one after another."""
    found = {}
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("@HH", data, at)
        if size < 4 or at + size > len(data):
            raise ValueError("attribute of %d bytes at %d of %d" % (size, at, len(data)))
        found[kind & 0x3FFF] = bytes(data[at + 4 : at + size])
        at += (size + 3) & ~3
    if at != len(data):
        raise ValueError("%d bytes behind the last attribute" % (len(data) - at))
    return found


def messages(data):
    """Return [(kind, flags, sequence, body)] of messages one after another."""
    found = []
    at = 0
    while at < len(data):
        size, kind, flags, sequence, _ = struct.unpack_from("@IHHII", data, at)
        if size < 16 or at + size > len(data):
            raise ValueError("message of %d bytes at %d of %d" % (size, at, len(data)))
        found.append((kind, flags, sequence, bytes(data[at + 16 : at + size])))
        at += (size + 3) & ~3
    return found


def _text(value):
    assert value[-1] == 0
    return value[:-1].decode()


def changes(data):
    """Return what a transaction asks of sets: ("add", name, key, timeout in ms, chain) or ("delete", name, key)."""
    parts = messages(data)
    assert [parts[0][0], parts[-1][0]] == [_BATCH_BEGIN, _BATCH_END]
    assert parts[0][3][2:] == struct.pack(">H", _SUBSYSTEM_NFTABLES)
    found = []
    for kind, _, _, body in parts[1:-1]:
        assert kind >> 8 == _SUBSYSTEM_NFTABLES and body[0] == 1, "not of family inet"
        named = attributes(body[4:])
        assert _text(named[1]) == "spamgate"
        found.append(_change(kind & 0xFF, _text(named[2]), attributes(attributes(named[3])[1])))
    return found


def _change(kind, name, element):
    key = attributes(element[1])[1]
    if kind == _DELETE_ELEMENT:
        return ("delete", name, key)
    assert kind == _NEW_ELEMENT
    timeout_ms = struct.unpack(">Q", element[4])[0] if 4 in element else 0
    return ("add", name, key, timeout_ms, _chain(element[2]) if 2 in element else "")


def _chain(data):
    verdict = attributes(attributes(data)[2])
    assert struct.unpack(">I", verdict[1])[0] == _JUMP
    return _text(verdict[2])
