"""Both vendors as real servers on loopback, for tests and the demo.

Shares no code with the rest of the exporter, so that it checks signatures, paging and parsing
independently.
"""

from exporter.simulator.accounts import Account, AliyunAccount, DezhuAccount, Instance
from exporter.simulator.control import AccessChange, CredentialChange
from exporter.simulator.edits import Edit
from exporter.simulator.faults import KINDS, Fault
from exporter.simulator.journal import RequestRecord
from exporter.simulator.options import SimulatorOptions
from exporter.simulator.runner import Simulator
from exporter.simulator.scenario import Scenario, ScenarioError
from exporter.simulator.truth import TruthRecord
from exporter.simulator.world import Selector, TaskView

__all__ = [
    "KINDS",
    "AccessChange",
    "Account",
    "AliyunAccount",
    "CredentialChange",
    "DezhuAccount",
    "Edit",
    "Fault",
    "Instance",
    "RequestRecord",
    "Scenario",
    "ScenarioError",
    "Selector",
    "Simulator",
    "SimulatorOptions",
    "TaskView",
    "TruthRecord",
]
