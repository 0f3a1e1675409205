"""What is shipped so that a page is full when it opens, and the one rule by which it is used.

A file holds what one page shows of one sample, an entry for each model or setting. An entry carries its facts: picture,
weights, and every setting that it depends on. Whoever asks states the facts; an entry with others does not exist.
``archive`` is the file, ``entries`` the rule, ``sweeps`` and ``parts`` put two larger results into entries, ``making``
makes what is missing. Which entries are shipped is the table in ``e2viz.scenes.shipped``.
"""
