"""The table of prices of one region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from errors import BreedlineError
from provision.dated import read_table

TABLE = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars; `spot` is what share of them is left, at best and at worst.

    `others` are the further regions that the table has.
    """

    region: str
    kinds: Mapping[str, Mapping[str, float]]
    spot: tuple[float, float]
    source: str
    read: date
    others: tuple[str, ...] = ()

    def find(self, kind: str, item: str) -> float | None:
        """The price of an instance type (`instances`, `ec2`) or of a unit; None: not known."""
        return self.kinds.get(kind, {}).get(item)


def read_prices(region: str, path: Path = TABLE) -> Prices:
    """The prices of a region; raises BreedlineError for one that the table does not have."""
    table = read_table(path)
    regions = {name: found for name, found in table.items() if _is_region(found)}
    if region not in regions:
        raise BreedlineError(
            f"There are no prices of {region}: add them to {path.name}, or estimate with "
            f"--prices {' or '.join(sorted(regions))}."
        )
    spot = (float(table["spot"]["least"]), float(table["spot"]["most"]))
    others = tuple(sorted(regions.keys() - {region}))
    return Prices(region, regions[region], spot, str(table["source"]), table["read"], others)


def _is_region(found: Any) -> bool:
    return isinstance(found, dict) and "instances" in found
