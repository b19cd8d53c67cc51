"""Bytes to values and back, for every protocol and format. Pure: no sockets, no clock, no randomness."""
