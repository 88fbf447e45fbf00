"""Combiners by kind. A new one is a file here and a line in this table."""

COMBINERS = {"contrast_led": "ensemble.combiners.contrast_led:ContrastLed"}
