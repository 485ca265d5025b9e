"""The commands. Each imports what it needs when it runs, and none decides anything about a call."""
