"""Says what a running installation lacks: `manage.py personalization_doctor`."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

from django.core import checks
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from personalization.operations.doctor import examine_installation
from personalization.operations.findings import Finding, Severity

HEALTH_PATH = "personalization/api/v1/health/"
SECONDS = 10


class Command(BaseCommand):
    """Looks at settings, files, jobs, database, cache, mail and search, and changes nothing."""

    help = (
        "Looks at this running installation and says what is wrong, why it matters, and what to paste. Ends with "
        "status 1 where something is late or could be better, with 2 where something is wrong. Changes nothing."
    )
    requires_system_checks = ()  # what they say is among the findings

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", help="also ask the web processes at this address (https://shop.example) how they are"
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON, for monitoring")

    def handle(self, *args: Any, url: str | None, verbosity: int, **options: Any) -> None:
        found = [*examine_installation(now()), *check_findings(), *(web_findings(url) if url else ())]
        found.sort(key=lambda finding: -finding.severity)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in found], indent=1))
        else:
            for line in finding_lines(found):
                self.stdout.write(line)
        worst = max((finding.severity for finding in found), default=Severity.NOTE)
        if worst > Severity.NOTE:
            count = sum(finding.severity > Severity.NOTE for finding in found)
            raise CommandError(f"Found to be done: {count}. See above.", returncode=worst)


def finding_lines(found: list[Finding]) -> list[str]:
    """The findings as text: fault, reason, remedy."""
    if not found:
        return ["Nothing is wrong."]
    heads = {Severity.WRONG: "WRONG", Severity.LATE: "LATE ", Severity.NOTE: "NOTE "}
    return [
        f"{heads[one.severity]} {one.fault} [{one.code}]\n      {one.reason}\n      -> {one.remedy}" for one in found
    ]


def check_findings() -> list[Finding]:
    """What `manage.py check --deploy` says of this app."""
    messages = checks.run_checks(tags=["personalization"], include_deployment_checks=True)
    return [
        Finding(
            message.id or "check",
            Severity.WRONG if message.is_serious() else Severity.LATE,
            message.msg,
            "manage.py check --deploy",
            str(message.hint),
        )
        for message in messages
        if not message.is_silenced()
    ]


def web_findings(url: str) -> list[Finding]:
    """What the web processes at this address say of themselves: they may be on other hosts, with other folders."""
    address = urljoin(url.rstrip("/") + "/", HEALTH_PATH)
    try:
        with urlopen(address, timeout=SECONDS) as answer:
            told = json.load(answer)
    except HTTPError as answer:
        try:
            told = json.load(answer)
        except ValueError:
            told = {"ready": False, "database": None, "status": answer.code}
    except (OSError, ValueError) as fault:
        return [
            Finding(
                "web-silent",
                Severity.WRONG,
                f"{address} does not answer: {type(fault).__name__}.",
                "Nobody sees the shop there, or the address is another one.",
                f"curl -i {address}",
            )
        ]
    if told.get("ready"):
        return []
    return [
        Finding(
            "web-not-ready",
            Severity.WRONG,
            f"The web process at {address} has no snapshot in memory: {json.dumps(told)}.",
            "Its pages show bestsellers, whatever was learned; its folder may be another one than that of the worker.",
            'Share SNAPSHOT_DIR between the hosts, or name a storage in STORAGES["personalization"].',
        )
    ]
