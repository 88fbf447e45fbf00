"""The simulated world: pure, seeded, with its truth; source of the demo, the tests and the benchmarks."""

from connectors.simulation.demo import Demo, demo_world
from connectors.simulation.geography import Geography, make_geography
from connectors.simulation.parameters import Noise, Rates, Volume, WorldParameters
from connectors.simulation.truth import Event, Incident, IncidentPlan, Truth
from connectors.simulation.world import Panel, World

__all__ = [
    "Demo",
    "Event",
    "Geography",
    "Incident",
    "IncidentPlan",
    "Noise",
    "Panel",
    "Rates",
    "Truth",
    "Volume",
    "World",
    "WorldParameters",
    "demo_world",
    "make_geography",
]
