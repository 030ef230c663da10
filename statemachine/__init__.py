"""Settings → state machines, event rules and alarms, as plain documents (pure)."""
