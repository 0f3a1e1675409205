"""Models that others made: a graph is read, bounded and run in a process of its own; nothing in it is run as code."""

import os

# From 1.29 on ONNX Runtime reports to its makers unless it is told not to before its first use; here nothing leaves.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
