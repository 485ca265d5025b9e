"""What is done to sound before it is spoken: trimmed, levelled, brought to the master's and the telephone's rates.

Pure arithmetic on arrays, by numpy and soxr. They are large: who imports a module of this package is a process or a
thread of its own (``adapters.speech.finishing``), never the service as it starts. This module imports nothing.
"""
