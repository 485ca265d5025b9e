"""Where clips are kept: in memory, and on a disk that may fail at any time."""
