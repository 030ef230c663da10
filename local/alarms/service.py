"""The evaluator of alarms: about once a second it judges every alarm that has something new."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime, timezone
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from local.alarms.actions import Actions
from local.alarms.composite import InvalidRule, parse_rule
from local.alarms.data import MetricIndex
from local.alarms.evaluation import (
    ALARM,
    BEYOND,
    INSUFFICIENT,
    OK,
    Condition,
    Point,
    Verdict,
    judge,
)
from local.alarms.moto_doors import lead_moto
from local.alarms.transition import Act, Change, announce, change_state
from local.alarms.watch import Watch, watch_of
from local.backend import Backend

logger = logging.getLogger(__name__)
ROUND = 1.0  # seconds between two rounds


class Alarms:
    """The alarms of one account in every region."""

    def __init__(self, backend: Backend, act: Act | None = None) -> None:
        self._backend = backend
        self._act = act or Actions(backend.credentials)
        self._indexes: dict[str, MetricIndex] = {}
        self._judged: dict[int, tuple[Any, ...]] = {}
        self._watches: dict[int, tuple[Any, Watch]] = {}
        self._lock = threading.RLock()  # rounds, and SetAlarmState from the threads of requests
        lead_moto(self.set_state)

    def start(self) -> None:
        """Evaluate in a thread until the process ends."""
        threading.Thread(target=self._run, name="alarms", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(ROUND):
            try:
                self.evaluate(self._backend.now())
            except Exception:  # one bad alarm must not end the evaluation of all
                logger.exception("a round of the alarms failed")

    def evaluate(self, now: float) -> None:
        """One round at the time `now` (seconds since the epoch)."""
        with self._lock:
            for region, moto in list(cloudwatch_backends[self._backend.account].items()):
                if alarms := list(moto.alarms.values()):
                    index = self._indexes.setdefault(region, MetricIndex())
                    index.read(moto.metric_data, now)
                    self._round(alarms, index, region, now)

    def set_state(self, alarm: Any, region: str, value: str, reason: str, data: str | None) -> None:
        """SetAlarmState: the state lasts until the alarm's next period has data to judge."""
        with self._lock:
            now = self._backend.now()
            if alarm.rule is None:
                watch = self._watch(alarm)
                version = watch.version(self._indexes.setdefault(region, MetricIndex()))
                self._judged[id(alarm)] = (alarm, _end(watch, now), version)
            self._change(alarm, region, value, reason, data, now)

    def _round(self, alarms: list[Any], index: MetricIndex, region: str, now: float) -> None:
        self._judged = {id(a): self._judged[id(a)] for a in alarms if id(a) in self._judged}
        self._watches = {id(a): self._watches[id(a)] for a in alarms if id(a) in self._watches}
        for alarm in alarms:
            if alarm.rule is None:
                self._metric(alarm, index, region, now)
        states = {alarm.name: alarm.state_value for alarm in alarms}
        for alarm in alarms:
            if alarm.rule is not None:
                self._composite(alarm, states, region, now)

    def _metric(self, alarm: Any, index: MetricIndex, region: str, now: float) -> None:
        watch = self._watch(alarm)
        # The same periods with the same data: there is nothing to judge again.
        look = (alarm, _end(watch, now), watch.version(index))
        if self._judged.get(id(alarm)) == look:
            return
        self._judged[id(alarm)] = look
        # The evaluation range, the newest period first.
        newest, count = _end(watch, now) - watch.period, int(alarm.evaluation_periods) + BEYOND
        found = watch.points(index, newest, count)
        verdict = judge(_condition(alarm), found, alarm.state_value)
        if verdict.state not in (None, alarm.state_value):
            data = _reason_data(alarm, watch, verdict, now)
            self._change(alarm, region, str(verdict.state), verdict.reason, data, now)

    def _watch(self, alarm: Any) -> Watch:
        """Read once: an alarm that is put again is another object."""
        if id(alarm) not in self._watches:
            self._watches[id(alarm)] = (alarm, watch_of(alarm))
        return self._watches[id(alarm)][1]

    def _composite(self, alarm: Any, states: dict[str, str], region: str, now: float) -> None:
        try:
            raised = parse_rule(alarm.rule)(lambda name: states.get(name, INSUFFICIENT))
        except InvalidRule:
            return  # refused when it was put; only a rule of an older state gets here
        value = ALARM if raised else OK
        if value != alarm.state_value:
            reason = f"{alarm.alarm_arn} transitioned to {value}: its rule is {raised}."
            self._change(alarm, region, value, reason, None, now)
            states[alarm.name] = value

    def _change(
        self, alarm: Any, region: str, value: str, reason: str, data: str | None, now: float
    ) -> None:
        transition = value != alarm.state_value
        previous, state = change_state(alarm, value, reason, data, now)
        if transition:
            change = Change(alarm, previous, state, self._backend.account, region)
            announce(change, self._backend.events, self._act)


def _end(watch: Watch, now: float) -> int:
    """The end of the last whole period."""
    return int(now // watch.period) * watch.period


def _condition(alarm: Any) -> Condition:
    periods = int(alarm.evaluation_periods)
    return Condition(
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        periods=periods,
        needed=int(alarm.datapoints_to_alarm or periods),
        missing=alarm.treat_missing_data or "missing",
    )


def _reason_data(alarm: Any, watch: Watch, verdict: Verdict, now: float) -> str:
    points = verdict.points
    data = {
        "version": "1.0",
        "queryDate": _iso(now),
        "startDate": _iso(points[-1].start) if points else None,
        "statistic": alarm.statistic or alarm.extended_statistic,
        "period": watch.period,
        "recentDatapoints": [point.value for point in reversed(points)],
        "threshold": float(alarm.threshold),
        "evaluatedDatapoints": [_evaluated(point) for point in points],
    }
    return json.dumps({key: value for key, value in data.items() if value is not None})


def _evaluated(point: Point) -> dict[str, Any]:
    counted = {} if point.count is None else {"sampleCount": point.count}
    return {"timestamp": _iso(point.start), **counted, "value": point.value}


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}+0000"
