"""Application Auto Scaling: alarms and calendars change how many instances serve an endpoint."""

from local.scaling.service import Scaling

__all__ = ["Scaling"]
