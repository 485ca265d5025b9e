"""Redis: reached or not, whether it keeps what it is given, and who may do what in it."""

from __future__ import annotations
