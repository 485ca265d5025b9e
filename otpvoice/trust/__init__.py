"""What is let in and out: addresses that may be reached, URLs and their logins, secrets, how keys begin.

Settings, adapters and the HTTP door read each of these by the one reader here. Pure, and the standard library only: no
name is looked up, nothing is connected to.
"""
