"""The router that bench_mailgate.py measures, for MicroPython with lwIP: arguments are those of mailgate.start.

Each line "on" or "off" on standard input switches the gate and is answered by the packets forwarded so far.
"""

import select
import sys

import mailgate

records = bytearray(4096)
orders = select.poll()
orders.register(sys.stdin, select.POLLIN)
mailgate.start(*sys.argv[1:])
print("ready")
while True:
    if not orders.poll(20):
        mailgate.read_into(records)
        continue
    words = sys.stdin.readline().split()
    if not words:
        break
    mailgate.enable(words[0] == "on")
    print(mailgate.counts()[-3])
mailgate.stop()
