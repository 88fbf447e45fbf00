"""Scores become tail probabilities, one fused score and episodes. Pure."""
