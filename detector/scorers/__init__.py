"""Scorers by kind. A new one is a file here and a line in this table."""

SCORERS = {
    "forecast_residual": "detector.scorers.forecast_residual:ForecastResidual",
    "derivative": "detector.scorers.derivative:Derivative",
    "correlation": "detector.scorers.correlation:Correlation",
    "witness": "detector.scorers.witness:Witness",
    "zero_run": "detector.scorers.zero_run:ZeroRun",
    "stuck": "detector.scorers.stuck:Stuck",
}
