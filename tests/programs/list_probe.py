"""Asks a list for what is said of it: module `spamgate.probe` of a program that is linked for a board.

Reads list.sgb and list.json (tests/golden) where it is started; prints how many names are not as they should be.
"""

import json

from spamgate.wire.list_file import ListFile

_HEAD_BYTES = 4096


def wire(text):
    found = b""
    for label in text.split("."):
        found += bytes((len(label),)) + label.encode()
    return found + b"\0"


def main():
    with open("list.json") as file:
        said = json.load(file)
    file = open("list.sgb", "rb")  # noqa: SIM115  for as long as the program runs

    def read_into(offset, buf):
        file.seek(_HEAD_BYTES + offset)
        return file.readinto(buf)

    it = ListFile(read_into)
    wrong = sum(not it.listed(wire(name)) for name in said["listed"])
    wrong += sum(it.listed(wire(name)) for name in said["not_listed"])
    print("wrong:", wrong)
