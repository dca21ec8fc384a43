# MicroPython's MPS2_AN385 with a console, a clock, entropy and flash that is a file of the host.
include boards/MPS2_AN385/mpconfigboard.mk

# What an ESP32 has left once its network is up, 110 KB, and what taking a list needs besides; an AN385 has 4 MB.
MICROPY_HEAP_SIZE = 147456
MICROPY_VFS_LFS2 = 1
FROZEN_MANIFEST = boards/QEMU_MPS2/manifest.py

SRC_C += \
	boards/QEMU_MPS2/board.c \
	boards/QEMU_MPS2/rtc.c \
	shared/timeutils/timeutils.c
