"""Everything besides Asterisk that touches the world: the store, the webhooks, the voices.

No rule of a call lives here: an adapter carries out, and says what went wrong.
"""
