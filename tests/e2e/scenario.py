"""A scenario: a trouble that one alert is for, and how it is mended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.e2e.acts import Act
from tests.servers.alertmanager import Notice


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One trouble.

    Attributes:
        alert: The alert that is for it.
        labels: What the notice has among its labels.
        begin: What there is from the start.
        once: A query that has a result once the trouble may begin.
        spoil: Begins the trouble.
        mend: Ends it.
        follows: Labels of an alert that follows from the trouble and is held back because of
            it; the trouble lasts until Alertmanager has it.
        variant: Tells apart scenarios of the same alert.
    """

    alert: str
    labels: Mapping[str, str]
    spoil: Act
    mend: Act
    begin: tuple[Act, ...] = ()
    once: str = ""
    follows: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.alert}-{self.variant}" if self.variant else self.alert

    def is_told_by(self, notice: Notice) -> bool:
        """Whether a notice is about this trouble."""
        wanted = {"alertname": self.alert, **self.labels}
        return wanted.items() <= notice.labels.items()
