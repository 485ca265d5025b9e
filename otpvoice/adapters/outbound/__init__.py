"""The one way out for URLs that come from requests: a client that reaches what may be reached, and nothing else.

Nobody else opens a connection to what a request names.
"""
