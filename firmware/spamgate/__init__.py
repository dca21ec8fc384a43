"""Spamgate: find and stop the one device in a home that sends spam.  Imports nothing."""

VERSION = "0.1.0"
