"""Arrays in, pixels out: scenes, palettes, frames and files. Needs numpy and Pillow, never torch."""
