"""What the configuration says of static assets, checked and ready to use."""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

import msgspec

__all__ = ["AssetsSettings", "HtmlHandling", "NotFoundHandling", "Routing", "routing_problems"]

HtmlHandling: TypeAlias = Literal["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"]
NotFoundHandling: TypeAlias = Literal["single-page-application", "404-page", "none"]

#: Source: workers-shared, configuration/constants.ts.
_MAX_ROUTES: Final = 100
_MAX_ROUTE_LENGTH: Final = 100


class Routing(msgspec.Struct, frozen=True):
    """`run_worker_first` as a list: globs of paths that go to the worker, and those that never do."""

    worker: tuple[str, ...]
    assets: tuple[str, ...]

    @classmethod
    def of(cls, rules: tuple[str, ...]) -> Routing:
        """The two lists that one list stands for: rules that begin with `!` are the exceptions."""
        return cls(
            tuple(rule for rule in rules if not rule.startswith("!")),
            tuple(rule[1:] for rule in rules if rule.startswith("!")),
        )

    def goes_to_worker(self, path: str) -> bool:
        """Whether a rule sends the path to the worker."""
        return any(_matches(rule, path) for rule in self.worker)

    def goes_to_assets(self, path: str) -> bool:
        """Whether an exception sends the path to the assets; it goes before the rules."""
        return any(_matches(rule, path) for rule in self.assets)


class AssetsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[assets]`. The folder need not exist: what is in it when a request comes counts."""

    directory: str
    html_handling: HtmlHandling = "auto-trailing-slash"
    not_found_handling: NotFoundHandling = "none"
    #: True sends every request to the worker, False those that no asset answers.
    run_worker_first: bool = False
    routing: Routing | None = None
    #: The compatibility flag `assets_navigation_prefers_asset_serving`: a browser's navigation that no file answers
    #: gets what `not_found_handling` says, and not the worker.
    navigation_prefers_assets: bool = True


def routing_problems(rules: tuple[str, ...]) -> list[str]:
    """What wrangler refuses in a list of rules, in its words; nothing when the list is good."""
    if not rules:
        return ["No `run_worker_first` rules were provided; must provide at least 1 rule."]
    if len(rules) > _MAX_ROUTES:
        count = f"{len(rules)} rules provided exceeds max of {_MAX_ROUTES}"
        return [f"Too many `run_worker_first` rules were provided; {count}."]
    if all(rule.startswith("!/") for rule in rules):
        return ["Only negative `run_worker_first` rules were provided; must provide at least 1 non-negative rule"]
    found = [problem for rule in rules for problem in _rule_problems(rule, rules)]
    return ["Invalid routes in `run_worker_first`:\n" + "\n".join(dict.fromkeys(found))] if found else []


def _rule_problems(rule: str, rules: tuple[str, ...]) -> list[str]:
    problems = []
    if not rule.startswith(("/", "!/")):
        is_negative = rule.startswith("!")
        wanted = "negative rules must start with '!/'" if is_negative else "rules must start with '/' or '!/'"
        problems.append(f"'{rule}': {wanted}")
    if len(rule) > _MAX_ROUTE_LENGTH:
        problems.append(f"'{rule}': all rules must be less than {_MAX_ROUTE_LENGTH} characters in length")
    if rules.count(rule) > 1:
        problems.append(f"'{rule}': rule is a duplicate; rules must be unique")
    wider = next((other for other in rules if other != rule and _covers(other, rule)), None)
    if wider is not None:
        problems.append(f"'{rule}': rule '{wider}' makes it redundant")
    return problems


def _covers(rule: str, other: str) -> bool:
    return rule.endswith("*") and other.startswith(rule[:-1])


def _matches(rule: str, path: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, rule.split("*"))), path) is not None
