"""Sockets, TLS and DNS: the doing beside `wire`'s deciding. Knows no database."""
