"""Voice delivery of one-time passwords on your own Asterisk, over ARI.

Nothing runs on import: the program is ``otpvoice.__main__``.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
