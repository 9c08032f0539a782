"""The configuration of a soak, and what is changed of it from reload to reload."""

import copy
import random
import re
from pathlib import Path

import yaml

from exporter.simulator import AliyunAccount, Simulator

LONGEST = {"active": 60.0, "idle": 300.0, "finished": 3600.0}
"""Intervals in seconds; a reload makes some of them shorter for a while."""
DEFAULTS = {
    "timeout": "2s",
    "collect": ["progress", "schedule", "settings", "agents", "concurrency"],
    "refresh": {"active": "60s", "idle": "5m", "finished": "1h", "detail": "12h"},
    # What is left of it never stretches an interval.
    "budget": {"requests_per_second": 100, "burst": 200, "requests_per_hour": 1_000_000},
}
OPTIONAL = ("dezhu-demo-2", "aliyun-demo-2")
"""Accounts that come and go."""
KINDS = (
    *("intervals", "tasks", "account", "limits", "collect"),
    *("rotate", "broken", "nothing"),
)
BROKEN = (
    "accounts: [",
    "accounts: []\nnonsense: 1\n",
    "defaults: {timeout: soon}\n",
    "defaults: {timeout: 1s, timeout: 2s}\n",
)


class Settings:
    """What the configuration file holds, and the secret files that it names."""

    def __init__(self, simulator: Simulator, folder: Path, draw: random.Random) -> None:
        self._folder, self._draw = folder, draw
        self._file = folder / "config.yaml"
        document = yaml.safe_load(simulator.config_text())
        document["defaults"] = DEFAULTS
        self._secrets: dict[Path, str] = {}
        accounts = {account["name"]: account for account in document["accounts"]}
        for account in simulator.accounts:
            self._secret_of(account, accounts[account.name])
        self._first = document
        self._document = copy.deepcopy(document)
        self._excluded: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        """How often each kind of change was made."""

    def accounts(self) -> list[str]:
        """The names of those in the file."""
        return [account["name"] for account in self._document["accounts"]]

    def wanted(self, account: str, task: str) -> bool:
        """Whether a task is to be exposed."""
        excluded = self._excluded.get(account, "")
        return account in self.accounts() and not (excluded and re.fullmatch(excluded, task))

    def write(self) -> None:
        self._file.write_text(self._text(), encoding="utf-8")

    def reset(self) -> None:
        """All as it was in the beginning."""
        self._document = copy.deepcopy(self._first)
        self._excluded.clear()
        self.write()

    def change(self) -> int:
        """Change something; returns the status that a reload of it has to answer."""
        kinds = (self._intervals, self._tasks, self._account, self._limits, self._collect)
        others = (self._rotate, self._broken, self._nothing)
        kind = self._draw.choice([*kinds, *kinds, *others])
        name = kind.__name__.removeprefix("_")
        self.counts[name] = self.counts.get(name, 0) + 1
        return kind() or self._good()

    def _good(self) -> int:
        self.write()
        return 200

    def _one(self) -> dict:
        return self._draw.choice(self._document["accounts"])

    def _intervals(self) -> None:
        active, idle = self._draw.choice(("60s", "40s")), self._draw.choice(("5m", "2m"))
        finished = self._draw.choice(("1h", "20m"))
        self._one()["refresh"] = {"active": active, "idle": idle, "finished": finished}

    def _tasks(self) -> None:
        account = self._one()
        exclude = self._draw.choice(("", "", ".*[a-f]$", ".*[0-4]$"))
        account["tasks"] = {"exclude": exclude, "limit": self._draw.choice((10000, 9000))}
        self._excluded[account["name"]] = exclude

    def _account(self) -> None:
        name = self._draw.choice(OPTIONAL)
        rows = self._document["accounts"]
        if name in self.accounts():
            rows[:] = [row for row in rows if row["name"] != name]
        else:
            rows.append(copy.deepcopy(self._original(name)))
            self._excluded.pop(name, None)

    def _limits(self) -> None:
        account = self._one()
        account["timeout"] = f"{self._draw.randint(20, 40)}00ms"
        account["budget"] = {"burst": self._draw.randint(100, 300)}

    def _collect(self) -> None:
        some = [each for each in DEFAULTS["collect"][1:] if self._draw.random() < 0.7]
        self._one()["collect"] = ["progress", *some]

    def _rotate(self) -> None:
        """A secret file is written anew, as a tool does that puts one in the place of another."""
        file, text = self._draw.choice(list(self._secrets.items()))
        fresh = file.with_suffix(".new")
        fresh.write_text(text + "\n" * self._draw.randint(0, 3), encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(file)

    def _broken(self) -> int:
        text = self._draw.choice(BROKEN)
        if self._draw.random() < 0.5:
            # Found after another account has been opened.
            document = copy.deepcopy(self._document)
            row = next(row for row in document["accounts"] if row["name"] == "dezhu-demo")
            row.pop("private_key_file")
            row["private_key"] = "none"
            text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
        self._file.write_text(text, encoding="utf-8")
        return 500

    def _nothing(self) -> None:
        """Only the file is written again."""

    def _original(self, name: str) -> dict:
        return next(row for row in self._first["accounts"] if row["name"] == name)

    def _text(self) -> str:
        return yaml.safe_dump(self._document, allow_unicode=True, sort_keys=False)

    def _secret_of(self, account, row: dict) -> None:
        """Name a file instead of the secret; the first Alibaba account has temporary ones."""
        file = self._folder / f"{account.name}.secret"
        if not isinstance(account, AliyunAccount):
            del row["private_key"]
            row["private_key_file"] = str(file)
            self._secrets[file] = account.private_key
        elif account.name in OPTIONAL:
            row["credentials"] = {
                "type": "access_key",
                "access_key_id": account.access_key_id,
                "access_key_secret_file": str(file),
            }
            self._secrets[file] = account.access_key_secret
        else:
            return
        file.write_text(self._secrets[file], encoding="utf-8")
        file.chmod(0o600)
