"""The spellings: what others send and expect, translated to and from the words of ``core``.

Pure: text in, core objects or complaints out. No dialect knows another one, and none of them acts.
"""
