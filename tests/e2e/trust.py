"""One scenario for each alert on whether the figures can be trusted."""

from typing import Any

from tests.e2e.accounts import AMPLE, TIGHT, simulated
from tests.e2e.acts import Act, access, both, clear, edit, end, fault, reload, remove, restart, task
from tests.e2e.field import Field
from tests.e2e.periods import CREDENTIAL_SECONDS
from tests.e2e.scenario import Scenario


def _up(account: str) -> str:
    return f'outbound_account_up{{account="{account}"}} == 1'


def _faulty(alert: str, account: str, platform: str, **told: Any) -> Scenario:
    """An alert on an account that lasts as long as a fault of its vendor."""
    name = simulated(account)
    return Scenario(
        alert=alert,
        labels={"platform": platform, "account": account},
        begin=(task(f"campaign-{account}", account=name),),
        once=_up(account),
        spoil=fault(name, **told),
        mend=clear(name),
    )


def _budget(budget: dict[str, float]) -> Act:
    return restart("tight", (("accounts", 0, "budget"), budget))


def _credentials(**change: Any) -> Act:
    """Change what temporary credentials the vendor hands out from now on."""
    return lambda field: field.simulated.set_credentials(**change)


def _temporary(field: Field) -> None:
    """Let the account live on credentials that a service hands out."""
    uri = f"{field.simulated.credentials_url()}/credentials/{simulated('temporary')}"
    told = {"type": "credentials_uri", "uri": uri}
    restart("temporary", (("accounts", 0, "credentials"), told))(field)


TRUST = (
    Scenario(
        alert="OutboundExporterDown",
        # A label of the target, as users have them.
        labels={"job": "outbound-exporter", "exporter": "mortal"},
        once='up{exporter="mortal"} == 1',
        spoil=end("mortal"),
        mend=restart("mortal"),
    ),
    Scenario(
        alert="OutboundAccountRefused",
        labels={"platform": "dezhu", "account": "refused", "reason": "auth"},
        once=_up("refused"),
        # The exporter asks again after 5 minutes, or when it starts.
        spoil=both(access(simulated("refused"), public_key=False), restart("refused")),
        mend=both(access(simulated("refused"), public_key=True), restart("refused")),
    ),
    Scenario(
        alert="OutboundAccountDown",
        labels={"platform": "dezhu", "account": "down"},
        begin=(
            task("paused-before", account=simulated("down")),
            edit("paused-before", "pause"),
        ),
        once='task_status:outbound_task_info:max{task_name="paused-before", status="paused"}',
        # Who paused it may have gone on with it meanwhile: the figures are old.
        spoil=fault(simulated("down"), kind="status", http_status=502),
        mend=both(edit("paused-before", "resume"), clear(simulated("down"))),
        follows={"alertname": "OutboundTaskPausedLong", "task_name": "paused-before"},
    ),
    _faulty(
        *("OutboundCollectorDown", "half-blind", "aliyun"),
        kind="status",
        operation="GetRealtimeConcurrencyReport",
    ),
    # An answer that does not come is no failure before its time-out, which is long there.
    _faulty("OutboundDataStale", "stale", "dezhu", kind="hang"),
    _faulty(
        *("OutboundThrottled", "throttled", "aliyun"),
        kind="code",
        code="Throttling.User",
        operation="GetConcurrentConversationQuota",
    ),
    Scenario(
        alert="OutboundBudgetStretched",
        labels={"platform": "dezhu", "account": "tight"},
        once=_up("tight"),
        spoil=_budget(TIGHT),
        mend=_budget(AMPLE),
    ),
    _faulty("OutboundPollsSkipped", "late", "dezhu", kind="slow", seconds=5),
    Scenario(
        alert="OutboundTasksDropped",
        labels={"platform": "dezhu", "account": "crowded"},
        begin=tuple(task(f"one-of-{n}", account=simulated("crowded")) for n in (1, 2, 3)),
        once=_up("crowded"),
        spoil=task("one-too-many", account=simulated("crowded")),
        mend=remove("one-too-many"),
    ),
    Scenario(
        alert="OutboundUnclassifiedTasks",
        labels={"platform": "dezhu", "account": "strange"},
        begin=(task("strange-status", account=simulated("strange")),),
        once=_up("strange"),
        spoil=edit("strange-status", "set_status", status="unknown"),
        mend=edit("strange-status", "resume"),
    ),
    Scenario(
        alert="OutboundCredentialExpiring",
        labels={"platform": "aliyun", "account": "temporary"},
        begin=(_credentials(lifetime=CREDENTIAL_SECONDS), _temporary),
        once='outbound_account_credential_expiry_timestamp_seconds{account="temporary"}',
        # Whoever asks gets those again that expire.
        spoil=_credentials(renewing=False),
        mend=_credentials(renewing=True),
    ),
    Scenario(
        alert="OutboundConfigReloadFailed",
        labels={"job": "outbound-exporter", "exporter": "renewed"},
        once='up{exporter="renewed"} == 1',
        spoil=reload("renewed", (("defaults", "timeout"), "soon")),
        mend=reload("renewed", (("defaults", "timeout"), "10s")),
    ),
    _faulty("OutboundClockOffset", "skewed", "dezhu", kind="date_skew", seconds=300),
)
