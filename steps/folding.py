"""Fold BatchNorm into the convolution before it, for a backbone that will not learn any more.

Boundary: a backbone in eval mode in, the same function with fewer layers out: less memory traffic
(a third to a half more images per second on a CPU) and less rounding in half precision.
It is packed with the model artifact beside inference.py.
Run the tests: `pytest tests/steps/test_network.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norm(backbone: Any, image_size: int) -> Any:
    """Fold, in place, every BatchNorm that takes a convolution's output; returns `backbone`.

    Which ones do is seen in one pass over an empty image of `image_size` pixels.
    """
    names = {module: name for name, module in backbone.named_modules()}
    for convolution, norm in _pairs(backbone, image_size):
        convolution.weight, convolution.bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        parent, _, child = names[norm].rpartition(".")
        setattr(backbone.get_submodule(parent), child, nn.Identity())
    return backbone


def _pairs(backbone: Any, image_size: int) -> list[tuple[Any, Any]]:
    """(convolution, BatchNorm) where the second's input is the first's output."""
    outputs: dict[int, tuple[Any, Any]] = {}
    pairs = []

    def note_output(module: Any, inputs: Any, output: Any) -> None:
        # The output is kept, so that its identity is not given to another tensor.
        outputs[id(output)] = (module, output)

    def note_input(module: Any, inputs: Any) -> None:
        if id(inputs[0]) in outputs:
            pairs.append((outputs[id(inputs[0])][0], module))

    hooks = []
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(note_output))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(note_input))
    parameter = next(backbone.parameters())
    try:
        with torch.no_grad():
            backbone(torch.zeros((1, 3, image_size, image_size)).to(parameter))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs
