"""Media streams: the audio of a call as a customer's WebSocket speaks it, in formats that people already have.

``words`` is the vocabulary, ``formats`` the list of spellings, one file each. Pure: text frames in, text frames out;
who owns the socket, and its clock, is somebody else.
"""
