"""Exporter: whether the figures can be trusted, and why not."""

from tools.dashboards.board import Section, Sheet
from tools.dashboards.exporter_accounts import accounts
from tools.dashboards.exporter_calls import calls
from tools.dashboards.exporter_freshness import freshness
from tools.dashboards.exporter_process import process
from tools.dashboards.exporter_trust import trust
from tools.dashboards.variables import account_variables
from tools.dashboards.words import Say
from tools.thresholds import Thresholds


def exporter(say: Say, thresholds: Thresholds) -> Sheet:
    """The dashboard for whoever runs the exporter."""
    limits = thresholds.limits
    return Sheet(
        uid="outbound-exporter",
        title=say("Outbound calls: exporter", "外呼监控：exporter 运行状况"),
        description=say(
            "Whether the figures of the other dashboards can be trusted: accounts and why they "
            "fail, calls to the vendors, the call budget, the age of the data, and the process.",
            "其他仪表盘的数据是否可信：账号状况与失败原因、平台调用、调用预算、"
            "数据新旧以及进程资源。",
        ),
        alerts=('platform=~"$platform|"', 'account=~"$account|"', 'area="trust"'),
        variables=account_variables(say),
        sections=[
            Section(
                title=say("Can the figures be trusted?", "数据可信吗？"), panels=trust(say, limits)
            ),
            Section(title=say("Accounts", "账号"), panels=accounts(say, limits)),
            Section(title=say("Calls to the vendors", "平台调用"), panels=calls(say, limits)),
            Section(title=say("Age of the data", "数据新旧"), panels=freshness(say, thresholds)),
            Section(title=say("The exporter itself", "exporter 自身"), panels=process(say)),
        ],
    )
