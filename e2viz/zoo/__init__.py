"""Card, catalogue and weights: the one door to a trained model."""
