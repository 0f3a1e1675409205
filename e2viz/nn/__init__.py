"""Layers: lifting and group attention, positional encodings, group convolution, norms, probes."""
