"""Runs the gateway where the folder of this file is all there is: `micropython main.py --config FILE`."""

import sys

from spamgate.app.gateway import main

sys.exit(main(sys.argv[1:]))
