"""Memory across restarts for what moto forgets: the requests that changed it, made again."""

from local.journal.journal import Journal

__all__ = ["Journal"]
