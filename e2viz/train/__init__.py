"""How each weights file was made: recipes, one training loop, one evaluation, and packing."""
