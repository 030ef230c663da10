"""The only code with effects on AWS: code packages, data, plan, apply."""
