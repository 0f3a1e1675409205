"""e2viz: see what equivariance does inside a vision transformer."""
