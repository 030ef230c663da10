"""Further kinds of models on the same machinery."""
