"""Sockets as an ESP32's lwIP gives them: addresses as text outside, as bytes inside, and few of them."""

import os
import time
import unittest

from fakes import lwip

from spamgate.hal import esp32_net
from spamgate.hal.esp32_net import Net, format_address, parse_address, split_peer

HOME = b"\x7f\0\0\1"
PORT = 21000 + 4 * os.urandom(1)[0]  # two runs at a time may meet in the kernel


class Addresses(unittest.TestCase):
    def test_text_and_bytes(self):
        pairs = (("192.168.1.7", b"\xc0\xa8\1\7"), ("255.255.255.255", b"\xff" * 4), ("0.0.0.1", b"\0\0\0\1"))
        for text, address in pairs:
            self.assertEqual(parse_address(text), address)
            self.assertEqual(format_address(address), text)

    def test_what_is_no_address(self):
        numbers = ("", "0.0.0.0", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", "1.2.3.99999")
        for text in numbers + ("fe80::1", "a.b.c.d"):
            self.assertEqual(parse_address(text), b"")
        self.assertEqual(format_address(b""), "0.0.0.0")
        self.assertEqual(format_address(bytes(16)), "0.0.0.0")

    def test_a_peer(self):
        self.assertEqual(split_peer(("10.0.0.9", 5353)), (b"\x0a\0\0\x09", 5353))
        self.assertEqual(Net().split(("10.0.0.9", 53)), (b"\x0a\0\0\x09", 53))


class Sockets(unittest.TestCase):
    def setUp(self):
        self.kept = esp32_net.socket
        esp32_net.socket = lwip
        self.net = Net()
        self.opened = []

    def tearDown(self):
        esp32_net.socket = self.kept
        for sock in list(lwip.open_sockets):
            sock.close()

    def test_datagrams_come_and_are_answered(self):
        server = self.net.udp(HOME, PORT)
        client = self.net.udp_to(HOME, PORT)
        self.assertTrue(self.net.receive(server, 100) is None)
        client.send(b"ask")
        time.sleep(0.003)
        data, peer = self.net.receive(server, 100)
        address, port = self.net.split(peer)
        self.assertEqual((data, address), (b"ask", HOME))
        self.assertTrue(16384 <= port <= 65535)
        server.sendto(b"answer", peer)
        time.sleep(0.003)
        self.assertEqual(client.recv(100), b"answer")

    def test_without_an_address_all_of_ours_are_served(self):
        server = self.net.udp(b"", PORT)
        self.net.udp_to(HOME, PORT).send(b"ask")
        time.sleep(0.003)
        self.assertEqual(self.net.receive(server, 100)[0], b"ask")

    def test_source_ports_are_random_and_taken_ones_are_passed_over(self):
        drawn = [1, 1, 1, 2]
        self.net.random16 = lambda: drawn.pop(0) + PORT - 16384
        one, two = self.net.udp_to(HOME, PORT), self.net.udp_to(HOME, PORT)
        self.assertEqual(drawn, [])
        one.close()
        two.close()
        self.net = Net()
        self.assertTrue(len({self.net.random16() for _ in range(32)}) > 24)

    def test_no_port_is_free(self):
        self.net.random16 = lambda: PORT + 1 - 16384
        self.net.udp_to(HOME, PORT)
        with self.assertRaises(OSError):
            self.net.udp_to(HOME, PORT)
        self.assertEqual(len(lwip.open_sockets), 1)

    def test_connections_are_accepted_and_carry_bytes(self):
        listener = self.net.tcp_listener(PORT, 64)
        self.assertTrue(self.net.accept(listener) is None)
        client = self.net.tcp_to(HOME, PORT)
        time.sleep(0.003)
        sock, address, port = self.net.accept(listener)
        self.assertEqual(address, HOME)
        self.assertTrue(1024 <= port <= 65535)
        with self.assertRaises(OSError) as caught:
            sock.recv(10)
        self.assertEqual(caught.exception.args[0], 11)
        client.send(b"HELO")
        time.sleep(0.003)
        self.assertEqual(sock.recv(10), b"HELO")

    def test_the_eleventh_socket_is_an_error_and_a_caller_that_gets_none_costs_nothing(self):
        listener = self.net.tcp_listener(PORT)
        for _ in range(9):
            self.net.udp_to(HOME, PORT)
        with self.assertRaises(OSError):
            self.net.udp_to(HOME, PORT)
        lwip.open_sockets.pop().inner.close()
        self.net.tcp_to(HOME, PORT)
        time.sleep(0.003)
        self.assertTrue(self.net.accept(listener) is None)

    def test_a_port_that_is_taken_is_an_error_that_leaves_no_socket(self):
        self.net.udp(HOME, PORT)
        with self.assertRaises(OSError):
            self.net.udp(HOME, PORT)
        self.assertEqual(len(lwip.open_sockets), 1)


class Resetting(unittest.TestCase):
    def test_an_error_of_connecting_closes_the_socket(self):
        class Refusing(lwip.LwipSocket):
            def connect(self, name):
                raise OSError(118)  # EHOSTUNREACH of that port's C library

        kept, esp32_net.socket = esp32_net.socket, lwip
        lwip.socket = Refusing
        try:
            with self.assertRaises(OSError):
                Net().tcp_to(HOME, PORT)
            self.assertEqual(lwip.open_sockets, [])
        finally:
            esp32_net.socket, lwip.socket = kept, lwip.LwipSocket
