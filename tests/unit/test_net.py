"""Sockets behave the same in the fake net and, where there is one, in the real net: what services rely on."""

import os
import sys
import unittest

from fakes.net import FakeLoop, FakeNet, pack_address

HOME = b"\x7f\0\0\1"
PORT = 22100 + (os.urandom(1)[0] << 8 | os.urandom(1)[0]) % 10000  # two runs at a time may meet in the kernel
EAGAIN = 11
ENODEV = 19


class Recorder:
    """A handler that notes what it is told and empties the socket."""

    def __init__(self):
        self.read = []
        self.written = 0

    def ready(self, sock):
        try:
            self.read.append(sock.recv(100))
        except OSError as error:
            self.read.append(error.args[0])

    def writable(self, sock):
        self.written += 1


class Contract:
    """What holds for every net; `net`, `loop`, `connect` and `wait` come from the subclass."""

    def pair(self):
        listener = self.net.tcp_listener(PORT, 5)
        client = self.connect()
        self.wait()
        sock, address, port = self.net.accept(listener)
        self.assertEqual(address, HOME)
        self.assertTrue(1024 <= port <= 65535)
        self.opened += [listener, client, sock]
        return client, sock, listener

    def test_nothing_there_is_none_or_eagain(self):
        _, sock, listener = self.pair()
        self.assertTrue(self.net.accept(listener) is None)
        self.assertTrue(sock.readinto(bytearray(4)) is None)
        with self.assertRaises(OSError) as caught:
            sock.recv(4)
        self.assertEqual(caught.exception.args[0], EAGAIN)

    def test_bytes_arrive_in_pieces_as_asked_for(self):
        client, sock, _ = self.pair()
        self.assertEqual(client.send(b"abcdefg"), 7)
        self.wait()
        buf = bytearray(4)
        self.assertEqual((sock.readinto(buf), bytes(buf)), (4, b"abcd"))
        self.assertEqual(sock.recv(2), b"ef")
        self.assertEqual((sock.readinto(buf), bytes(buf)), (1, b"gbcd"))

    def test_a_full_pipe_takes_a_part_then_nothing_then_more(self):
        client, sock, _ = self.pair()
        sent = 0
        with self.assertRaises(OSError) as caught:
            while sent < 1 << 26:
                sent += sock.send(bytes(50000))
        self.assertEqual(caught.exception.args[0], EAGAIN)
        self.assertTrue(sent % 50000 != 0)
        while sent > 0:
            sent -= len(client.recv(65536))
            self.wait()
        self.assertEqual(sock.send(b"x"), 1)

    def test_the_end_is_read_after_what_was_sent_and_again(self):
        client, sock, _ = self.pair()
        client.send(b"bye")
        client.close()
        self.wait()
        self.assertEqual([sock.recv(9), sock.recv(9), sock.readinto(bytearray(4))], [b"bye", b"", 0])

    def test_closing_with_unread_input_resets(self):
        client, sock, _ = self.pair()
        client.send(b"unread")
        self.wait()
        sock.close()
        self.wait()
        with self.assertRaises(OSError) as caught:
            client.recv(9)
        self.assertEqual(caught.exception.args[0], 104)

    def test_sending_to_who_has_closed_resets(self):
        client, sock, _ = self.pair()
        client.close()
        self.wait()
        self.assertEqual(sock.send(b"x"), 1)
        self.wait()
        with self.assertRaises(OSError):
            sock.send(b"x")

    def test_a_closed_socket_may_be_closed_again_but_not_used(self):
        _, sock, _ = self.pair()
        sock.close()
        sock.close()
        with self.assertRaises(OSError):
            sock.send(b"x")

    def test_the_loop_calls_for_input_the_end_and_room(self):
        client, sock, _ = self.pair()
        recorder = Recorder()
        self.loop.add(sock, recorder)
        client.send(b"one")
        self.turn()
        self.assertEqual((recorder.read, recorder.written), ([b"one"], 0))
        self.loop.want_write(sock, True)
        self.turn()
        self.assertTrue(recorder.written)
        self.loop.want_write(sock, False)
        written = recorder.written
        client.close()
        self.turn()
        self.assertEqual((recorder.read[1], recorder.written), (b"", written))
        self.loop.remove(sock)

    def test_datagrams_keep_their_borders_and_senders(self):
        one, two = self.net.udp(HOME, PORT), self.net.udp(HOME, PORT + 1)
        self.opened += [one, two]
        one.sendto(b"first", pack_address(HOME, PORT + 1))
        one.sendto(b"second", pack_address(HOME, PORT + 1))
        self.wait()
        data, sender = self.net.receive(two, 100)
        self.assertEqual((data, self.net.split(sender)), (b"first", (HOME, PORT)))
        self.assertEqual(self.net.receive(two, 3)[0], b"sec")
        self.assertTrue(self.net.receive(two, 100) is None)

    def test_a_connected_udp_socket_hears_its_server_only(self):
        server, stranger = self.net.udp(HOME, PORT), self.net.udp(HOME, PORT + 1)
        sock = self.net.udp_to(HOME, PORT)
        self.opened += [server, stranger, sock]
        sock.send(b"ask")
        self.wait()
        _, sender = self.net.receive(server, 100)
        stranger.sendto(b"lie", sender)
        server.sendto(b"answer", sender)
        self.wait()
        self.assertEqual((self.net.receive(sock, 100) or (b"",))[0], b"answer")
        self.assertTrue(self.net.receive(sock, 100) is None)

    def test_an_interface_that_is_not_there_cannot_be_listened_on(self):
        with self.assertRaises(OSError) as caught:
            self.net.tcp_listener(PORT, 5, "nowhere0")
        self.assertEqual(caught.exception.args[0], ENODEV)
        self.opened.append(self.net.tcp_listener(PORT, 5))  # the port is free

    def tearDown(self):
        for sock in self.opened:
            sock.close()


class InMemory(Contract, unittest.TestCase):
    def setUp(self):
        self.opened = []
        self.net, self.loop = FakeNet(HOME), FakeLoop()
        self.net.missing.add("nowhere0")

    def connect(self):
        return self.net.connect(PORT, HOME)

    def wait(self):
        """Everything has arrived."""

    def turn(self):
        self.loop._turn()

    def test_who_leaves_a_socket_ready_spins(self):
        class Deaf:
            def ready(self, sock):
                """Reads nothing."""

        client, sock, _ = self.pair()
        self.loop.add(sock, Deaf())
        client.send(b"x")
        with self.assertRaises(AssertionError):
            self.loop.spin()

    def test_servers_that_refuse_and_that_are_silent(self):
        refused = self.net.tcp_to(HOME, PORT)
        self.assertTrue(refused.is_writable())
        with self.assertRaises(OSError):
            refused.send(b"x")
        self.net.silent.add((HOME, PORT))
        self.assertFalse(self.net.tcp_to(HOME, PORT).is_writable())
        server = self.net.listen(HOME, PORT + 1)
        sock = self.net.tcp_to(HOME, PORT + 1)
        sock.send(b"hello")
        self.assertEqual(self.net.accept(server)[0].recv(9), b"hello")


if sys.implementation.name == "micropython":
    import time

    from spamgate.hal.loop import Loop
    from spamgate.hal.net import Net

    class InTheKernel(Contract, unittest.TestCase):
        def setUp(self):
            self.opened = []
            self.net, self.loop = Net(), Loop()

        def connect(self):
            return self.net.tcp_to(HOME, PORT)

        def wait(self):
            time.sleep(0.003)

        def turn(self):
            self.wait()
            self.loop.turn(100)
