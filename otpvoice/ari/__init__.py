"""Asterisk: REST, events and media sockets. ARI's words are spoken in this folder and in ``stasis`` only."""
