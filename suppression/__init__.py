"""Episodes become verdicts, each with its reasons: what is told, what is held back, and why. Pure."""
