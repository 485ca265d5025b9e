"""Asterisk: reached or not, what it is, what it has loaded, how it is configured, who else is there, and its trunks."""

from __future__ import annotations
