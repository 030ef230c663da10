"""CloudWatch alarms: metric data become states, states become events and actions."""

from local.alarms.service import Alarms

__all__ = ["Alarms"]
