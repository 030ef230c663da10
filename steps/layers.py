"""Take the figures of layers that the rules want, at a cost that does not grow with the epoch.

Boundary: a module while it trains in, a few numbers an epoch out. Gradients are looked at in
SAMPLES steps of an epoch, whether units are dead in each step, which costs one comparison.
Run the tests: `pytest tests/steps/test_rules.py`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from hosts import Group
from rules import Start
from torch import nn

SAMPLES = 8
"""Steps of an epoch whose gradients are looked at, spread evenly."""


class Layers:
    """Watches `module`, which is trained in `steps` steps an epoch."""

    def __init__(self, module: Any, steps: int, group: Group) -> None:
        self._group = group
        self._stride = -(-steps // SAMPLES)
        weights = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        self._weights = [(_layer(name), p) for name, p in weights if p.ndim > 1]
        self._roots = torch.tensor([math.sqrt(p.numel()) for _, p in self._weights])
        self._roots = self._roots.to(group.device)
        self._units: dict[str, Any] = {}  # a hidden layer -> which of its units were ever above 0
        self.forget()
        for name, part in module.named_modules():
            if isinstance(part, nn.ReLU):
                part.register_forward_hook(self._watch_units(name or "relu"))

    def forget(self) -> None:
        """A new epoch begins."""
        self._sums = torch.zeros_like(self._roots)
        self._largest = torch.zeros((), device=self._group.device)
        self._samples = 0
        self._units.clear()

    def start(self, loss: float, classes: int) -> Start:
        """The run before its first update; `loss` is the first step's mean."""
        scales = {
            layer: float(weight.detach().std(correction=0)) * math.sqrt(weight[0].numel())
            for layer, weight in self._weights
        }
        oddest = max(scales, key=lambda layer: _oddness(scales[layer]), default="")
        return Start(math.log(classes), loss, oddest, scales.get(oddest, 1.0))

    def see(self, step: int) -> None:
        """Look at the gradients of a step, if it is one of those that are looked at."""
        if step % self._stride or not self._weights:
            return
        # Equal on all processes, which have averaged their gradients.
        norms = torch.stack([_norm(weight) for _, weight in self._weights])
        self._sums += norms / self._roots
        norm = torch.linalg.vector_norm(norms)
        self._largest = torch.where(norm > self._largest, norm, self._largest)
        self._largest = torch.where(norm.isfinite(), self._largest, norm.new_tensor(math.inf))
        self._samples += 1

    def share(self) -> None:
        """Let every process know which units were above 0 on any of them."""
        for active in self._units.values():
            seen = self._group.sum(active.int())
            active |= seen > 0

    def figures(self) -> dict[str, Any]:
        """The fields of rules.Epoch that tell of layers, for the epoch that ends."""
        self.share()
        found: dict[str, Any] = {}
        if self._samples:
            rms = (self._sums / self._samples).tolist()
            least = min(range(len(rms)), key=rms.__getitem__)
            found |= {"weakest": self._weights[least][0], "weakest_rms": rms[least]}
            found["largest_norm"] = self._largest.item()
        dead = {name: 1 - float(active.float().mean()) for name, active in self._units.items()}
        if dead:
            name = max(dead, key=dead.__getitem__)
            found |= {"dead_layer": name, "dead_share": dead[name]}
        return found

    def state(self) -> dict[str, Any]:
        """What an epoch that is interrupted has seen; `share` it before."""
        return {
            "sums": self._sums,
            "largest": self._largest,
            "samples": self._samples,
            "units": dict(self._units),
        }

    def restore(self, state: dict[str, Any]) -> None:
        device = self._group.device
        self._sums = state["sums"].to(device)
        self._largest = state["largest"].to(device)
        self._samples = state["samples"]
        self._units = {name: active.to(device) for name, active in state["units"].items()}

    def _watch_units(self, name: str) -> Any:
        def watch(part: Any, inputs: Any, output: Any) -> None:
            # Images inside a backbone are left out: there a channel, not a unit, would be dead.
            if output.ndim != 2 or not torch.is_grad_enabled():
                return
            above = (output.detach() > 0).any(dim=0)
            self._units[name] = above | self._units[name] if name in self._units else above

        return watch


def _layer(parameter: str) -> str:
    """The layer's name from its parameter's: `backbone.conv1.weight`, or just `weight`."""
    return parameter.rpartition(".")[0] or "the head"


def _norm(weight: Any) -> Any:
    if weight.grad is None:
        return torch.zeros((), device=weight.device)
    return torch.linalg.vector_norm(weight.grad.float())


def _oddness(scale: float) -> float:
    return abs(math.log(scale)) if scale > 0 and math.isfinite(scale) else math.inf
