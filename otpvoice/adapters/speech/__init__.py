"""Text becomes sound: the port that speech engines fill, the engines, and the renderer of whole scripts.

An engine renders one text at a time; which texts, in which order and with which gaps, is said by ``core.reading``.
"""
