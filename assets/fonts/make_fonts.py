"""Cut the shipped fonts from the full families: fewer characters, tabular figures, a plain kerning table.

Pillow's basic layout reads neither OpenType features nor GPOS kerning, and it is the one layout that gives
the same pixels on every machine. So the figures are made tabular in the character map, and the kerning is
copied to `kern`.
Needs fonttools and brotli: python make_fonts.py FULL.ttf OUT_STEM
"""

import sys

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

CHARACTERS = (
    [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x370, 0x3D0), *range(0x2010, 0x2028), 0x2030, 0x2032]
    + [*range(0x2070, 0x2095), 0x20AC, 0x2122, *range(0x2190, 0x219A), 0x2202, 0x2206, 0x220F, 0x2211, 0x2212]
    + [0x221A, 0x221E, 0x222B, 0x2248, 0x2260, 0x2264, 0x2265, 0x25CA]
)
KERNED = [*range(0x20, 0x7F), 0xB7, 0xD7, 0x2013, 0x2019, 0x201C, 0x201D, 0x2026, 0x2212]


def make_figures_tabular(font: TTFont) -> None:
    """Point the digits of the character map at their tabular forms, where the font has them."""
    gsub = font["GSUB"].table
    lookups = {
        i
        for record in gsub.FeatureList.FeatureRecord
        if record.FeatureTag == "tnum"
        for i in record.Feature.LookupListIndex
    }
    mapping = {}
    for index in lookups:
        for table in gsub.LookupList.Lookup[index].SubTable:
            mapping |= getattr(table, "ExtSubTable", table).mapping
    for table in font["cmap"].tables:
        for code in range(ord("0"), ord("9") + 1):
            if table.isUnicode() and code in table.cmap:
                table.cmap[code] = mapping.get(table.cmap[code], table.cmap[code])


def pair_value(table, left: str, right: str) -> int | None:
    """The kerning of one pair in one GPOS subtable; None when the subtable does not speak about it."""
    if left not in table.Coverage.glyphs:
        return None
    if table.Format == 1:
        for record in table.PairSet[table.Coverage.glyphs.index(left)].PairValueRecord:
            if record.SecondGlyph == right:
                return getattr(record.Value1, "XAdvance", 0) or 0
        return None
    first, second = (
        classes.classDefs.get(glyph, 0) for classes, glyph in ((table.ClassDef1, left), (table.ClassDef2, right))
    )
    return getattr(table.Class1Record[first].Class2Record[second].Value1, "XAdvance", 0) or 0


def copy_kerning(font: TTFont) -> None:
    """Write the GPOS kerning of everyday characters as a `kern` table."""
    if "GPOS" not in font:
        return
    gpos = font["GPOS"].table
    indices = sorted(
        {
            i
            for record in gpos.FeatureList.FeatureRecord
            if record.FeatureTag == "kern"
            for i in record.Feature.LookupListIndex
        }
    )
    lookups = [[getattr(table, "ExtSubTable", table) for table in gpos.LookupList.Lookup[i].SubTable] for i in indices]
    pairs = {}
    names = sorted({font.getBestCmap()[code] for code in KERNED if code in font.getBestCmap()})
    for left in names:
        for right in names:
            for tables in lookups:
                found = (pair_value(table, left, right) for table in tables if hasattr(table, "Coverage"))
                value = next((each for each in found if each is not None), 0)
                if value:
                    pairs[left, right] = pairs.get((left, right), 0) + value
    if not pairs:
        return
    table = KernTable_format_0()
    table.coverage, table.kernTable, table.apple = 1, pairs, False
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [table]


def main(source: str, stem: str) -> None:
    font = TTFont(source)
    make_figures_tabular(font)
    options = subset.Options(layout_features=["kern", "liga", "mark", "mkmk", "ccmp", "case"], hinting=False)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=CHARACTERS)
    cutter.subset(font)
    font.flavor = "woff2"
    font.save(f"{stem}.woff2")
    copy_kerning(font)
    font.flavor = None
    font.save(f"{stem}.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:])
