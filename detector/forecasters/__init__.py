"""Forecasters by kind. A new one is a file here and a line in this table."""

FORECASTERS = {"seasonal": "detector.forecasters.seasonal:Seasonal"}
