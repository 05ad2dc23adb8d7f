"""One pass over all rules: observes their groups, steps their states, keeps that in one transaction."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from alerting import evaluator_state, outbox, retention
from alerting.alert_rows import group_of, key_of
from alerting.baseline import Baselines
from alerting.database import Database, rows
from alerting.evaluator_state import gap_after_ns
from alerting.group_rows import forget_group, keep_step, memories, put_memory
from alerting.model import Rule
from alerting.observing import Known, Observed, observe, unknown
from alerting.readings import Group
from alerting.rule_folders import RuleFile, RuleFolders
from alerting.state_machine import Memory, Step, ended, step
from store.api import Reader

_GROUP_KEPT_NS: Final = 2 * 60 * 10**9
"""A group without data and without an alert is forgotten after this."""
_MOST_GROUPS: Final = 200
"""Of one rule, those without an alert."""
_RULE_DELETED: Final = "The rule was deleted."
_GROUPS_CHANGED: Final = "The rule was changed: it has no such group any more."
_RETENTION_EVERY: Final = 300

Memories = Mapping[str, Memory]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did."""

    rules: int
    problems: int
    firing: int
    trouble: str
    """Why the evaluation is not what it should be; empty where all is well."""
    queued: bool
    """Something is to be sent."""


class Evaluator:
    """Evaluates the rules of some folders. For one thread."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        folders: Sequence[Path],
        *,
        interval_ns: int,
        ways: Sequence[str] = (),
        clock: Callable[[], int] = time.time_ns,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        """`ways` names the ways out that `alerting.outbox` queues for."""
        self._database = database
        self._reader = reader
        self._folders = RuleFolders(folders)
        self._interval_ns = interval_ns
        self._ways = tuple(ways)
        self._clock = clock
        self._new_id = new_id
        self._baselines = Baselines()
        self._passes = 0

    def run_pass(self) -> Pass:
        """Evaluate every rule once. Raises AlertError when the file of alerts fails; the next goes on."""
        now = self._clock()
        files = self._folders.files()
        missing = [str(folder) for folder in self._folders.missing()]
        with self._database.snapshot() as connection:
            kept = memories(connection)
            last = evaluator_state.facts(connection).get(evaluator_state.LAST_PASS)
        gap = last is not None and now - int(last) > gap_after_ns(self._interval_ns)
        seen = {name: self._observe(file, kept.get(name, {}), now) for name, file in files.items()}
        trouble = next((each.trouble for each in seen.values() if each.trouble), "")
        if missing and not trouble:
            trouble = (
                f"The folder of rules {missing[0]} is not there or cannot be read: what was read of it "
                "before stays."
            )
        with self._database.transaction() as connection:
            self._keep_rules(connection, files, seen)
            for name, file in files.items():
                if file.rule is not None:
                    self._keep_groups(
                        connection, file.rule, kept.get(name, {}), seen[name], now, after_gap=gap
                    )
                else:
                    self._keep_unknown(connection, name, kept.get(name, {}), seen[name], now)
            if not missing:
                _end_deleted(connection, kept, files, now, self._ways)
            queued = outbox.queue_notices(connection, self._ways, now)
            if gap and last is not None:
                connection.execute("INSERT OR REPLACE INTO gaps VALUES (?, ?)", (int(last), now))
            self._passes += 1
            if self._passes % _RETENTION_EVERY == 1:
                retention.forget_old(connection, now)
            firing = rows(connection, "SELECT count(*) FROM alerts WHERE state = 'firing'")[0][0]
            evaluator_state.keep(
                connection,
                {
                    evaluator_state.INTERVAL: self._interval_ns,
                    evaluator_state.LAST_PASS: max(now, self._clock()),
                    evaluator_state.STOPPED: "",
                    evaluator_state.TROUBLE: trouble,
                },
            )
        problems = sum(file.rule is None for file in files.values())
        return Pass(len(files) - problems, problems, firing, trouble, queued)

    def stopped(self) -> None:
        """Note in the file that nothing is evaluated from now on, on purpose."""
        with self._database.transaction() as connection:
            evaluator_state.keep(connection, {evaluator_state.STOPPED: self._clock()})

    def _observe(self, file: RuleFile, kept: Memories, now: int) -> Observed:
        known = dict(_known(file.rule, kept))
        if file.rule is None:
            found = unknown(None, known, file.problem)
            return replace(found, trouble="")
        return observe(self._reader, file.rule, known, now, self._baselines)

    def _keep_rules(
        self, connection: sqlite3.Connection, files: Mapping[str, RuleFile], seen: Mapping[str, Observed]
    ) -> None:
        connection.executemany(
            "INSERT INTO rules VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (name) DO UPDATE SET "
            "file = excluded.file, text = coalesce(excluded.text, text), problem = excluded.problem, "
            "left_out = excluded.left_out, gone = 0",
            [
                (name, file.file, file.text if file.rule else None, file.problem, seen[name].left_out)
                for name, file in files.items()
            ],
        )

    def _keep_groups(
        self,
        connection: sqlite3.Connection,
        rule: Rule,
        kept: Memories,
        seen: Observed,
        now: int,
        *,
        after_gap: bool,
    ) -> None:
        observed = {key_of(dict(group)): found for group, found in seen.groups.items()}
        for key, memory in kept.items():
            if key not in observed:
                self._keep_step(connection, rule.name, key, ended(memory, _GROUPS_CHANGED, now), now)
                forget_group(connection, rule.name, key)
        for place, (key, found) in enumerate(observed.items()):
            memory = kept.get(key, Memory())
            group = group_of(key)
            done = step(rule, memory, found, group, now, self._new_id, after_gap=after_gap)
            self._keep_step(connection, rule.name, key, done, now)
            if done.memory.alert is None and key and _is_forgotten(done.memory, place, now):
                forget_group(connection, rule.name, key)

    def _keep_unknown(
        self, connection: sqlite3.Connection, name: str, kept: Memories, seen: Observed, now: int
    ) -> None:
        """The groups of a rule whose file cannot be used now: no value, and no end of an alert."""
        reason = next((found.reason for found in seen.groups.values()), "")
        for key, memory in kept.items():
            alert = memory.alert
            changed = replace(alert, no_data_since_unix_nano=now, no_data_reason=reason) if alert else None
            if alert and alert.no_data_since_unix_nano is not None:
                changed = alert
            state = memory.state if alert and alert.state == "firing" else "no_data"
            quiet = replace(
                memory,
                state=state,
                since_unix_nano=memory.since_unix_nano if state == memory.state else now,
                evaluated_unix_nano=max(now, memory.evaluated_unix_nano),
                value=None,
                reason=reason,
                ok_since_unix_nano=None,
                alert=changed,
            )
            self._keep_step(connection, name, key, Step(quiet, changed), now)

    def _keep_step(
        self, connection: sqlite3.Connection, detector: str, key: str, done: Step, now: int
    ) -> None:
        memory, alert = keep_step(connection, done)
        put_memory(connection, detector, key, memory)
        for notice in done.notices if alert else ():
            if alert:
                outbox.queue_event(connection, self._ways, alert, notice, now)


def _known(rule: Rule | None, kept: Memories) -> Iterator[tuple[Group, Known]]:
    """The groups of before, without those that the rule does not make any more."""
    for key, memory in kept.items():
        group = group_of(key)
        by = rule.signal.by if rule else tuple(group)
        if set(by) == set(group):
            started = memory.alert.started_unix_nano if memory.alert else None
            yield tuple((name, group[name]) for name in by), Known(group, started)


def _is_forgotten(memory: Memory, place: int, now: int) -> bool:
    quiet = memory.state == "no_data" and now - memory.since_unix_nano > _GROUP_KEPT_NS
    return quiet or place >= _MOST_GROUPS


def _end_deleted(
    connection: sqlite3.Connection,
    kept: Mapping[str, Memories],
    files: Mapping[str, RuleFile],
    now: int,
    ways: Sequence[str],
) -> None:
    """End the alerts of rules whose files are gone."""
    for name, groups in kept.items():
        if name in files:
            continue
        for key, memory in groups.items():
            _, alert = keep_step(connection, ended(memory, _RULE_DELETED, now))
            if alert is not None:
                outbox.queue_event(connection, ways, alert, "resolved", now)
            forget_group(connection, name, key)
    for (name,) in rows(connection, "SELECT name FROM rules WHERE NOT gone"):
        if name not in files:
            connection.execute("UPDATE rules SET gone = 1, problem = '' WHERE name = ?", (name,))


@contextlib.contextmanager
def evaluating(evaluator: Evaluator) -> Iterator[Evaluator]:
    """The evaluator; notes its end in the file, if that can be written."""
    from alerting.errors import AlertError

    try:
        yield evaluator
    finally:
        with contextlib.suppress(AlertError):
            evaluator.stopped()
