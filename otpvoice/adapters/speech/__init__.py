"""Text becomes sound: speech engines, what is done to their sound, where it is kept, and the renderer of whole scripts.

An engine renders one text at a time; which texts, in which order and with which gaps, is said by ``core.reading``.
"""
