# What MicroPython runs after boot on every board with the data path dns.
from spamgate.app.board import main

main()
