"""Speech engines, one a file, behind one port (``voice``). What each is, and what it may be asked, it declares."""
