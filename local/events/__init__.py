"""EventBridge: rules, patterns, delivery to targets with retries, schedules."""

from local.events.bus import Events

__all__ = ["Events"]
