"""Takes the lists of a folder in turn, in two slots made of files, until it is killed; says each that is in force.

Arguments: the folder with the slots, the one with the lists, the file with the public key.
"""

import os
import sys

from spamgate.hal.file_slots import file_slots
from spamgate.hal.storage import Storage
from spamgate.store.list_slots import ListSlots
from spamgate.store.list_trust import Trust
from spamgate.store.list_update import FullUpdate
from spamgate.wire.list_manifest import HEAD_BYTES
from spamgate.wire.list_rules import RefusedError

_PIECE = 4096
_NOW_S = 1790000000


def main(slots_folder, lists_folder, key_file):
    with open(key_file) as file:
        key = file.read()
    slots = file_slots(slots_folder, 1 << 20)
    lists = ListSlots(tuple(slots), Trust(Storage(slots_folder), key), "default", "router")
    lists.look()
    while not lists.is_checked():
        if lists.check_step():
            print("damaged", lists.problem)
    print("start", lists.manifest["version"] if lists.manifest else 0)
    for name in sorted(os.listdir(lists_folder)):
        with open(lists_folder + "/" + name, "rb") as file:
            try:
                update = FullUpdate(lists, file.read(HEAD_BYTES), _NOW_S)
            except RefusedError:
                continue
            print("from", update.offset)
            file.seek(HEAD_BYTES + update.offset)
            piece = file.read(_PIECE)
            while piece:
                update.take(piece, 0, len(piece))
                piece = file.read(_PIECE)
            update.finish()
        print("in force", lists.manifest["version"])


main(*sys.argv[1:])
