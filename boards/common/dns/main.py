# What MicroPython runs after boot where Spamgate is frozen into it.
from spamgate.app.board_esp32 import main

main()
