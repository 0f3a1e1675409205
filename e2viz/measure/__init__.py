"""Numbers from any model and any picture: sweeps, stability, equivariance errors, orbits, rollout."""
