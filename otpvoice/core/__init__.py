"""What a call is: pure rules, told events and the time, answering with commands.

Nothing in this folder reads a clock, a socket, a file or a random number, and nothing logs.
"""
