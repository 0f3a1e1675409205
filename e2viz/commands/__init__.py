"""The command line, a family of commands a module. Each adds its commands to the parser and runs them.

Nothing here imports torch before a command is chosen: ``e2viz --help`` answers at once.
"""
