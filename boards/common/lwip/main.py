# What MicroPython runs after boot where Spamgate's router is frozen into it.
from spamgate.app.board_esp32_lwip import main

main()
