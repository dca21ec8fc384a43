"""The control socket with a small home behind it: `micropython control.py SOCKET`; for the tests of the commands."""

import json
import sys

from spamgate import VERSION
from spamgate.hal.loop import Loop
from spamgate.hal.net import Net
from spamgate.service.control import Control
from spamgate.wire.answers import PROTOCOL, MessageError

T = 1763841600  # 2025-11-22 20:00:00 UTC
TV = "02:00:00:00:00:01"
_SMTP = '{"connects":%d,"destinations":%d,"helo":0,"mail":0,"rcpt":0,"data":0,"auth":0,"starttls":0,'
_SMTP += '"messages_accepted":%d,"replies":{}}'
_DNS = '{"queries":7,"mx":%d,"mx_names":0,"nxdomain":0}'


class Lines:
    """Ends each line that is sent."""

    def __init__(self, home):
        self._home = home

    def __getattr__(self, name):
        method = getattr(self._home, name)
        return lambda fields, send: method(fields, lambda line: send(line + "\n"))


class Home:
    """Answers requests as a gateway does; devices are lists of MAC, name, state, connects, grant."""

    def __init__(self):
        self.devices_known = [
            [TV, "[red]tv[/red]", "quarantined", 50, "none"],
            ["02:00:00:00:00:02", None, "normal", 0, "submission"],
            ["02:00:00:00:00:03", "cam", "throttled", 3, "none"],
            ["02:00:00:00:00:04", "nas", "released", 2, "none"],
        ]
        self.publish = None

    def hello(self, fields, send):
        send('{"type":"hello","version":"%s","protocol":%d}' % (VERSION, PROTOCOL))

    def status(self, fields, send):
        send('{"type":"status","version":"%s","protocol":%d}' % (VERSION, PROTOCOL))

    def devices(self, fields, send):
        for device in self.devices_known:
            send(self._device(device))

    def monitor(self, fields, send):
        self.devices(fields, send)

    def explain(self, fields, send):
        device = self._find(fields["device"])
        evidence = []
        if device[3]:
            straight = '{"kind":"mx_connect","count":%d,"last":%d.000000,"peer":"198.51.100.9"}'
            evidence = [straight % (device[3], T + 9)]
            evidence.append('{"kind":"from_the_future","count":1,"last":%d.500000,"peer":null}' % T)
        send(self._verdict(device, "watched", ",".join(evidence)))
        send(self._device(device))
        details = (device[0], device[2], T, device[4], "4F2A11" if device[3] else "")
        send('{"type":"explain","device":"%s","state":"%s","since":%d.000000,"grant":"%s","ticket":"%s"}' % details)

    def release(self, fields, send):
        self._act("release", self._find(fields["device"]), send)

    def grant(self, fields, send):
        device = self._find(fields["device"])
        device[4] = fields["grant"]
        self._act("grant", device, send, ',"grant":"%s"' % device[4])

    def confirm(self, fields, send):
        device = self._find(fields["device"])
        if device[2] != "quarantined":
            raise MessageError("%s is not quarantined" % fields["device"], "only a quarantine can be confirmed")
        self._act("confirm", device, send)

    def trace(self, fields, send):
        found = [TV] if fields["port"] == 40001 and abs(fields["time"] - T) <= fields["skew"] else []
        if fields["port"] == 0 or fields["ip"] == "192.0.2.9":
            found = [device[0] for device in self.devices_known[:2]]
        told = '"%s"' % found[0] if len(found) == 1 else "null"
        send('{"type":"trace","device":%s,"candidates":%s}' % (told, json.dumps(found)))

    def _act(self, action, device, send, more=""):
        was = device[2]
        if action == "release":
            device[2] = "released"
            self.publish(self._verdict(device, was, ""))
        line = '{"type":"action","t":%d.000000,"action":"%s","device":"%s","state":"%s"%s}'
        line = line % (T, action, device[0], device[2], more)
        send(line)
        self.publish(line)

    def _device(self, device):
        smtp = _SMTP % (device[3], device[3], device[3] // 3)
        name = json.dumps(device[1])
        first = "%d.000000" % T if device[3] else "null"
        return (
            '{"type":"device","device":"%s","addresses":["192.168.77.9"],"state":"%s","smtp":%s,"dns":%s,"first_smtp":%s,'
            '"submission":%s,"name":%s}' % (device[0], device[2], smtp, _DNS % device[3], first, smtp, name)
        )

    def _verdict(self, device, was, evidence):
        line = '{"type":"verdict","t":%d.000000,"device":"%s","name":%s,"from":"%s","to":"%s","score":0,'
        line += '"evidence":[%s],"smtp_connects":0,"messages_accepted":0}'
        return line % (T + 60, device[0], json.dumps(device[1]), was, device[2], evidence)

    def _find(self, text):
        for device in self.devices_known:
            if text in (device[0], device[1]):
                return device
        raise MessageError("%s: no such device" % text, "known are " + TV)


def main():
    loop = Loop()
    home = Home()
    control = Control(Net(), loop, sys.argv[1], Lines(home), sys.stderr.write)
    home.publish = lambda line: control.publish(line + "\n")
    loop.each_tick(control.tick)
    print("ready")
    loop.run()


main()
