"""``python -m e2viz``."""

from e2viz.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
