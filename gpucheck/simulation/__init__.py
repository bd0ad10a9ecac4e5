"""Cards that may lie: scenarios, and the machines made of them.

Importing this is cheap. NumPy comes in when a card's device is opened.
"""

from gpucheck.simulation.card import SimulatedCard, SimulatedMachine, card, machine
from gpucheck.simulation.library import ScenarioError, load, names
from gpucheck.simulation.scenario import Scenario

__all__ = ["Scenario", "ScenarioError", "SimulatedCard", "SimulatedMachine", "card", "load", "machine", "names"]
