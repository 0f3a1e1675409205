"""The README's table of speed, from the last results kept: `python -m benchmarks.readme [RESULTS]`.

RESULTS is what `python -m benchmarks.bench` wrote; it is copied to benchmarks/bench.json and the table is made from it.
"""

import argparse
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "bench.json"
START, END = "<!-- bench -->", "<!-- /bench -->"
PATHS = ("published", "torch", "native")
WORDS = {"forward": "forward, batch of", "training": "training step, batch of"}


def markdown(results: dict[str, Any]) -> str:
    """Rows of milliseconds an image, ratio to the published formula and peak memory; then the sweep in seconds."""
    lines = ["| | published formula | PyTorch path | compiled path |", "|---|---:|---:|---:|"]
    for section, words in WORDS.items():
        for row in results[section]:
            cells = [_cell(row[path]) for path in PATHS]
            lines.append(f"| {words} {row['batch']} | {' | '.join(cells)} |")
    sweep = [
        f"{found['sweep_s']:.1f} s, {found['ratio']:.1f}×" for found in (results["screen"][path] for path in PATHS)
    ]
    lines.append(f"| turn of 72 angles, GE-ViT and ViT | {' | '.join(sweep)} |")
    machine = results["machine"]
    lines += ["", f"{machine['threads']} threads, {machine['vector']}, torch {machine['torch'].partition('+')[0]}."]
    return "\n".join(lines)


def _cell(found: dict[str, float]) -> str:
    return f"{found['fastest_ms']:.0f} ms, {found['ratio']:.1f}×, {found['peak_mb'] / 1000:.1f} GB"


def main() -> None:
    """Keep the results, if there are new ones, and write the table between its marks.

    Raises:
        SystemExit: if the README has no marks.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("results", nargs="?", type=Path, default=KEPT)
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    chosen = parser.parse_args()
    results = json.loads(chosen.results.read_text())
    before, start, rest = chosen.readme.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        parser.error(f"{chosen.readme} must hold {START} and {END} where the table is to stand")
    table = markdown(results)
    KEPT.write_text(json.dumps(results, indent=1) + "\n")
    chosen.readme.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
