"""The sound itself: wire messages, codecs and the arithmetic of playing out.

Pure: bytes in, bytes out. It imports nothing else of this program.
"""
