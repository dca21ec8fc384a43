"""TCP connections: beginnings, ends, captures of a part, and what happens when there is no room."""

import sys
import unittest

from fakes.mail_wire import ACK, CLIENT, FIN, RST, SERVER, SYN, Segment, StreamLog, Wire

from spamgate.wire import connections, segments, streams
from spamgate.wire.streams import StreamTable

V6 = (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x02", b"\x20\x01\x0d\xb8" + bytes(11) + b"\x19")


def play(packets, slots=4, **named):
    """Feed packets and return what was told."""
    log = StreamLog()
    table = StreamTable(log, slots, **named)
    for packet in packets:
        table.feed(packet)
    return log


class Beginnings(unittest.TestCase):
    def test_handshake(self):
        log = play(Wire().open())
        self.assertEqual(log.events, [("opened", 0), ("established", 0)])

    def test_a_resent_syn_is_not_a_second_connection(self):
        wire = Wire()
        log = play([wire.syn(), wire.syn()] + wire.open() + wire.open())
        self.assertEqual(log.events, [("opened", 0), ("established", 0)])

    def test_a_syn_resent_after_the_end_is_not_a_second_connection(self):
        wire = Wire()
        log = play([wire.syn(), wire.refuse(), wire.syn(), wire.refuse()])
        self.assertEqual(log.events, [("opened", 0), ("refused", 0), ("closed", 0)])

    def test_another_isn_is_another_connection(self):
        log = play(Wire().open() + Wire(isn=(5000, 9000)).open())
        self.assertEqual(
            log.events, [("opened", 0), ("established", 0), ("closed", 0), ("opened", 0), ("established", 0)]
        )

    def test_other_ends_are_other_connections(self):
        wires = [
            Wire(),
            Wire(port=50001),
            Wire(client=b"\x0a\x00\x00\x03"),
            Wire(client=b"\x4a\x00\x00\x02"),
            Wire(client=b"\x0a\x01\x00\x02"),
            Wire(client=b"\x0a\x00\x01\x02"),
            Wire(server=b"\x00\x00\x02\x19"),
            Wire(server=b"\xc0\x01\x02\x19"),
            Wire(server=b"\xc0\x00\x03\x19"),
            Wire(server=b"\xc0\x00\x02\x1a"),
            Wire(to=587),
            Wire(*V6),
            Wire(V6[1], V6[0]),
        ]
        log = play([wire.syn() for wire in wires], len(wires))
        self.assertEqual(log.events, [("opened", slot) for slot in range(len(wires))])

    def test_ends_are_known(self):
        table = StreamTable(StreamLog(), 2)
        for slot, (client, server) in enumerate(((b"\x0a\x00\x00\x02", b"\xc0\x00\x02\x19"), V6)):
            self.assertEqual(table.feed(Wire(client, server).syn()), slot)
            size = table.address_bytes(slot)
            self.assertEqual(size, len(client))
            at = table.client_at(slot)
            self.assertEqual(bytes(table.addresses[at : at + size]), client)
            at = table.server_at(slot)
            self.assertEqual(bytes(table.addresses[at : at + size]), server)
            self.assertEqual((table.port[slot], table.client_port[slot], table.owner[slot]), (25, 50000, -1))

    def test_a_client_may_use_the_servers_port(self):
        wire = Wire(port=25)
        log = play(wire.open() + [wire.send(SERVER, 0, b"220"), wire.send(CLIENT, 0, b"HELO")])
        self.assertEqual((log.heard(SERVER), log.heard(CLIENT)), (b"220", b"HELO"))
        wire = Wire(client=b"\xc0\x00\x02\x19", server=b"\x0a\x00\x00\x02", port=25)
        log = play(wire.open() + [wire.send(SERVER, 0, b"220"), wire.send(CLIENT, 0, b"HELO")])
        self.assertEqual((log.heard(SERVER), log.heard(CLIENT)), (b"220", b"HELO"))

    def test_other_ports_are_not_followed(self):
        wire = Wire(to=80)
        log = StreamLog()
        table = StreamTable(log, 2)
        for packet in wire.open() + [wire.send(CLIENT, 0, b"GET"), wire.send(SERVER, 0, b"200")]:
            self.assertEqual(table.feed(packet), -1)
        self.assertEqual(log.events, [])

    def test_refused(self):
        wire = Wire()
        self.assertEqual(play([wire.syn(), wire.refuse()]).events, [("opened", 0), ("refused", 0), ("closed", 0)])

    def test_a_foreign_reset_does_not_refuse(self):
        wire = Wire()
        stray = wire.refuse()
        stray.ack += 1
        self.assertEqual(play([wire.syn(), stray]).events, [("opened", 0)])

    def test_bytes_sent_with_a_syn_are_not_believed(self):
        wire = Wire()
        eager = Segment(wire._ends[0], wire.isn[0], SYN, 0, b"JUNK")
        log = play([eager, wire.syn_ack(), wire.send(CLIENT, 0, b"HELO")])
        self.assertEqual(log.heard(CLIENT), b"HELO")

    def test_the_answer_may_be_captured_late(self):
        wire = Wire()
        packets = [wire.syn(), wire.send(CLIENT, 0, b""), wire.syn_ack(), wire.send(SERVER, 0, b"220")]
        log = play(packets)
        self.assertEqual(log.events[:2], [("opened", 0), ("established", 0)])
        self.assertEqual(log.heard(SERVER), b"220")

    def test_a_foreign_answer_is_passed_over(self):
        wire = Wire()
        stray = wire.syn_ack()
        stray.ack += 1
        log = play([wire.syn(), stray, wire.syn_ack()])
        self.assertEqual(log.events, [("opened", 0), ("established", 0)])
        self.assertEqual(play([Wire(to=80).syn_ack()]).events, [])

    def test_the_answer_to_a_syn_that_the_capture_lacks(self):
        new = Wire(isn=(5000, 9000))
        log = play(Wire().open() + [new.syn_ack(), new.syn_ack(), new.send(SERVER, 0, b"220")])
        self.assertEqual(log.names()[2:], [("closed", 0), ("midstream", 0), ("established", 0)])
        self.assertEqual(log.heard(SERVER), b"220")

    def test_what_establishes(self):
        wire = Wire()
        for packet in (wire.send(CLIENT, 0, b""), wire.send(CLIENT, 0, b"HELO"), wire.send(SERVER, 0, b"220")):
            self.assertEqual(play([wire.syn(), packet]).names(), [("opened", 0), ("established", 0)])
        self.assertEqual(play([wire.syn(), wire.send(CLIENT, 0, b"", 0)]).names(), [("opened", 0)])


class OneSideOrMidstream(unittest.TestCase):
    def test_midstream_the_client_is_who_speaks_to_the_followed_port(self):
        wire = Wire()
        log = play([wire.send(SERVER, 100, b"250", acked=50), wire.send(CLIENT, 50, b"QUIT", acked=103)])
        self.assertEqual(log.events[0], ("midstream", 0))
        self.assertEqual((log.heard(SERVER), log.heard(CLIENT)), (b"250", b"QUIT"))

    def test_what_was_confirmed_before_we_looked_is_not_awaited(self):
        wire = Wire()
        log = play([wire.send(SERVER, 100, b"250", acked=50), wire.send(CLIENT, 40, b"0123456789QUIT")])
        self.assertEqual(log.heard(CLIENT), b"QUIT")

    def test_packets_without_bytes_begin_nothing(self):
        wire = Wire()
        log = play([wire.send(CLIENT, 5, b""), wire.send(CLIENT, 5, b"", RST), wire.send(CLIENT, 5, b"", FIN | ACK)])
        self.assertEqual(log.events, [])

    def test_server_only(self):
        wire = Wire()
        log = play([wire.syn_ack(), wire.send(SERVER, 0, b"220 "), wire.send(SERVER, 4, b"ready")])
        self.assertEqual(log.names(), [("midstream", 0), ("established", 0)])
        self.assertEqual(log.heard(SERVER), b"220 ready")

    def test_client_only(self):
        wire = Wire()
        packets = [wire.syn(), wire.send(CLIENT, 0, b"", acked=0), wire.send(CLIENT, 0, b"HELO", acked=9)]
        log = play(packets)
        self.assertEqual(log.names(), [("opened", 0), ("established", 0)])
        self.assertEqual(log.heard(CLIENT), b"HELO")

    def test_where_the_server_begins_is_known_from_either_side(self):
        wire = Wire()
        for known in (wire.syn_ack(), wire.send(CLIENT, 0, b"")):
            log = play([wire.syn(), known, wire.send(SERVER, 3, b"x"), wire.send(CLIENT, 0, b"", acked=9)])
            self.assertEqual(log.heard(SERVER), b"?x")
        log = play(
            [wire.syn_ack(), wire.send(SERVER, 3, b"x"), wire.send(CLIENT, 3, b"y"), wire.send(SERVER, 4, b"", acked=9)]
        )
        self.assertEqual((log.heard(SERVER), log.heard(CLIENT)), (b"", b"?y"))

    def test_a_servers_bare_answer_does_not_establish(self):
        wire = Wire()
        self.assertEqual(play([wire.syn(), wire.send(SERVER, 90, b"")]).events, [("opened", 0)])

    def test_a_new_connection_on_old_ports_without_its_syn(self):
        wire = Wire()
        other = Wire(isn=(0x8001000, 0x9001000))
        packets = [
            wire.send(CLIENT, 0, b"", FIN | ACK),
            wire.send(SERVER, 0, b"", FIN | ACK),
            wire.send(CLIENT, 0, b"late"),  # of the connection that is over
            other.send(SERVER, 0, b"220"),
        ]
        log = play(wire.open() + packets)
        self.assertEqual(log.names()[2:], [("closed", 0), ("midstream", 0)])
        self.assertEqual((log.heard(CLIENT), log.heard(SERVER)), (b"", b"220"))

    def test_late_segments_of_either_side_begin_nothing(self):
        for isn in ((1000, 0x8001000), (0xFFFFFFE, 5)):
            wire = Wire(isn=isn)
            ends = [wire.send(CLIENT, 0, b"QUIT", FIN | ACK), wire.send(SERVER, 0, b"221", FIN | ACK)]
            late = [wire.send(SERVER, 0, b"221"), wire.send(CLIENT, 0, b"QUIT"), wire.send(SERVER, 3, b"more")]
            self.assertEqual(play(wire.open() + ends + late).names()[2:], [("closed", 0)])


class Ends(unittest.TestCase):
    def test_fin_both_ways(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 0, b"QUIT", FIN | ACK), wire.send(SERVER, 0, b"221", FIN | ACK, acked=5)]
        log = play(wire.open() + packets + packets)
        self.assertEqual(log.events[2:], [("data", 0, 0, b"QUIT"), ("data", 0, 1, b"221"), ("closed", 0)])

    def test_half_closed_is_open(self):
        wire = Wire()
        log = play(wire.open() + [wire.send(CLIENT, 0, b"", FIN | ACK), wire.send(SERVER, 0, b"250")])
        self.assertEqual(log.events[2:], [("data", 0, 1, b"250")])

    def test_what_was_on_its_way_before_a_reset_still_counts(self):
        wire = Wire()
        log = StreamLog()
        table = StreamTable(log, 2)
        table.tick(1000)
        for packet in wire.open() + [wire.send(CLIENT, 0, b"", RST), wire.send(SERVER, 0, b"502")]:
            table.feed(packet)
        self.assertEqual(log.events[2:], [("data", 0, 1, b"502")])
        table.tick(1008)
        self.assertEqual(log.events[3:], [])
        table.tick(1012)
        self.assertEqual(log.events[3:], [("closed", 0)])

    def test_a_reset_may_answer_what_was_on_its_way(self):
        for isn in ((1000, 7000), (0x8001000, 0x9001000)):
            wire = Wire(isn=isn)
            said = [wire.send(CLIENT, 0, b"0123456789"), wire.send(CLIENT, 4, b"", RST), wire.send(SERVER, 0, b"", RST)]
            self.assertEqual(play(wire.open() + said).names()[2:], [("closed", 0)])

    def test_what_was_never_answered_ends_with_the_capture(self):
        table = StreamTable(StreamLog(), 2)
        table.feed(Wire().syn())
        table.close_all()
        self.assertEqual(table._listener.events, [("opened", 0), ("closed", 0)])

    def test_a_reset_from_both_sides_ends_at_once(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 0, b"", RST), wire.send(CLIENT, 0, b"", RST), wire.send(SERVER, 0, b"", RST)]
        self.assertEqual(play(wire.open() + packets).events[2:], [("closed", 0)])

    def test_a_reset_far_away_is_not_believed(self):
        wire = Wire()
        packets = [wire.send(CLIENT, 0x1000000, b"", RST), wire.send(SERVER, 0x1000000, b"", RST)]
        self.assertEqual(play(wire.open() + packets).events[2:], [])

    def test_a_client_may_give_up_before_an_answer(self):
        wire = Wire()
        self.assertEqual(play([wire.syn(), wire.send(CLIENT, 0, b"", RST)]).events, [("opened", 0), ("closed", 0)])

    def test_every_beginning_has_one_end(self):
        log = StreamLog()
        table = StreamTable(log, 3)
        for port in range(50):
            wire = Wire(port=40000 + port)
            packets = [wire.syn()]
            if port % 3:
                packets = wire.open() + [wire.send(SERVER, 0, b"220")]
            if port % 4 == 0:
                packets.append(wire.send(CLIENT, 0, b"", RST))
            for packet in packets:
                table.feed(packet)
        table.close_all()
        table.close_all()
        names = [event[0] for event in log.events]
        self.assertEqual((names.count("opened"), names.count("closed")), (50, 50))


class NoRoom(unittest.TestCase):
    def opened_after(self, table, wire):
        log = table._listener
        log.events.clear()
        slot = table.feed(wire.syn())
        return slot, [event for event in log.events if event[0] == "closed"]

    def test_the_order_in_which_connections_give_way(self):
        table = StreamTable(StreamLog(), 5)
        idle, busy, ending, opening, closed = wires = [Wire(port=port) for port in range(50000, 50005)]
        for wire in (idle, busy, ending):
            for packet in wire.open():
                table.feed(packet)
        table.tick(1)
        table.feed(busy.send(SERVER, 0, b"220"))
        table.feed(ending.send(CLIENT, 0, b"", RST))
        table.feed(opening.syn())
        table.feed(closed.syn())
        table.feed(closed.refuse())
        new = [Wire(port=port) for port in range(50010, 50014)]
        self.assertEqual(self.opened_after(table, new[0]), (4, []))  # the closed one's: it had ended before
        for packet in new[0].open():
            table.feed(packet)
        self.assertEqual(self.opened_after(table, new[1]), (2, [("closed", 2)]))  # the ending one's
        for packet in new[1].open():
            table.feed(packet)
        self.assertEqual(self.opened_after(table, new[2]), (3, [("closed", 3)]))  # never established
        for packet in new[2].open():
            table.feed(packet)
        self.assertEqual(self.opened_after(table, new[3]), (0, [("closed", 0)]))  # longest idle
        self.assertEqual(table.feed(wires[1].send(CLIENT, 0, b"")), 1)

    def test_a_flood_of_syns_pushes_out_nobody_who_talks(self):
        log = StreamLog()
        table = StreamTable(log, 4)
        talking = Wire()
        for packet in talking.open():
            table.feed(packet)
        for port in range(1000, 1400):
            table.feed(Wire(port=port).syn())
        table.feed(talking.send(SERVER, 0, b"220"))
        self.assertEqual(log.heard(SERVER), b"220")

    def test_a_slot_used_again_knows_nothing_of_before(self):
        table = StreamTable(StreamLog(), 1)
        table.feed(Wire().syn())
        table.owner[0] = 7
        log = table._listener
        wire = Wire(port=50001)
        for packet in wire.open() + [wire.send(SERVER, 0, b"220")]:
            table.feed(packet)
        self.assertEqual(table.owner[0], -1)
        self.assertEqual(log.names(), [("opened", 0), ("closed", 0), ("opened", 0), ("established", 0)])
        self.assertEqual(table.feed(Wire().send(CLIENT, 0, b"")), -1)

    def test_many_connections_are_all_found(self):
        table = StreamTable(StreamLog(), 64)
        wires = [Wire(server=bytes((10, 0, n & 3, n)), port=50000 + n * 7) for n in range(200)]
        slots = {}
        for n, wire in enumerate(wires):
            slots[table.feed(wire.syn())] = n
        self.assertEqual(len(slots), 64)
        for slot, n in slots.items():
            self.assertEqual(table.feed(wires[n].send(SERVER, 0, b"")), slot)
        for n in range(200 - 64):
            self.assertEqual(table.feed(wires[n].send(SERVER, 0, b"")), -1)


class Copies(unittest.TestCase):
    @unittest.skipUnless(sys.implementation.name == "cpython", "private consts vanish on MicroPython")
    def test_private_numbers_match(self):
        for module in (connections, segments, streams):
            for name in ("FREE", "CLOSED", "OPENING", "OPEN", "ENDING"):
                private = getattr(module, "_" + name, None)
                self.assertIn(private, (None, getattr(connections, name)))


if __name__ == "__main__":
    unittest.main()
