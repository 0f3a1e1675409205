"""Models that others made: a graph is read, bounded and run in a process of its own; nothing in it is run as code."""
