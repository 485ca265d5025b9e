"""The HTTP front doors: requests in, answers out; nothing of a call is decided here.

They know the switchboard and the dialects. They know neither Asterisk nor the store but by what they are handed.
"""
