"""A forest of regression trees as plain arrays: what is trained elsewhere, kept and asked here.

Boundary: arrays in, numbers out; needs numpy alone. Scikit-learn's own way to keep a model is
pickle, which runs whatever is in the file; five arrays of numbers run nothing.
Run the tests: `pytest tests/examples/tabular/test_forest.py`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 3.0e38
"""Rows are compared in single precision, as in training; larger numbers do not fit."""

_BATCH = 4_096  # rows at a time: a node for each row and tree is in memory


class ForestError(Exception):
    """The file does not hold a sound forest; the message is one sentence."""


@dataclass(frozen=True)
class Forest:
    """All nodes of all trees, one after the other; `roots` says where each tree begins.

    At a node, a row whose `feature` is at most `threshold` goes `left`, else `right`. A leaf leads
    to itself either way, and `value` is its answer. The forest's answer is the mean over its trees.
    """

    feature: np.ndarray  # int32 (M,)
    threshold: np.ndarray  # float64 (M,)
    left: np.ndarray  # int32 (M,)
    right: np.ndarray  # int32 (M,)
    value: np.ndarray  # float64 (M,)
    roots: np.ndarray  # int32 (T,)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """An answer for each of the `rows` (N, C), float64 (N,)."""
        batches = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
        parts = [self._predict(batch.astype(np.float32)) for batch in batches]
        answers: np.ndarray = np.concatenate([np.empty(0), *parts])
        return answers

    def _predict(self, rows: np.ndarray) -> np.ndarray:
        nodes = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        each = np.arange(len(rows))[:, None]
        while True:
            goes_left = rows[each, self.feature[nodes]] <= self.threshold[nodes]
            following = np.where(goes_left, self.left[nodes], self.right[nodes])
            if np.array_equal(following, nodes):
                answers: np.ndarray = self.value[nodes].mean(axis=1)
                return answers
            nodes = following


def from_trees(trees: Sequence[Any]) -> Forest:
    """The forest of scikit-learn's `tree_` objects."""
    parts: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Forest)}
    offset = 0
    for tree in trees:
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
        parts["left"].append(offset + np.where(leaf, own, tree.children_left))
        parts["right"].append(offset + np.where(leaf, own, tree.children_right))
        parts["value"].append(tree.value[:, 0, 0])
        parts["roots"].append(np.array([offset]))
        offset += tree.node_count
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    kinds = {name: np.float64 if name in ("threshold", "value") else np.int32 for name in joined}
    return Forest(**{name: array.astype(kinds[name]) for name, array in joined.items()})


def save(forest: Forest, path: Path) -> None:
    """Write the arrays, compressed."""
    np.savez_compressed(path, **{f.name: getattr(forest, f.name) for f in fields(Forest)})


def load(path: Path, columns: int) -> Forest:
    """The forest in a file, for rows of so many columns.

    Nothing is unpickled, and what the arrays say is checked: no path leaves the forest or goes
    round in it. Raises ForestError.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            forest = Forest(**{field.name: stored[field.name] for field in fields(Forest)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ForestError(f"{path.name} is not a stored forest: {error}.") from error
    if fault := _fault(forest, columns):
        raise ForestError(f"{path.name} is not a sound forest: {fault}.")
    return forest


def _fault(forest: Forest, columns: int) -> str:
    """Why the arrays are no forest; empty when they are one."""
    whole = (forest.feature, forest.left, forest.right, forest.roots)
    real = (forest.threshold, forest.value)
    if any(array.dtype != np.int32 for array in whole):
        return "its nodes are not whole numbers"
    if any(array.dtype != np.float64 or not np.isfinite(array).all() for array in real):
        return "its thresholds and values are not finite numbers"
    nodes = forest.value.shape
    shapes = {array.shape for array in (*whole[:3], *real)}
    if len(nodes) != 1 or shapes != {nodes} or forest.roots.ndim != 1 or not len(forest.roots):
        return "its arrays are not of one length"
    if ((forest.roots < 0) | (forest.roots >= nodes[0])).any():
        return "a tree begins outside"
    if ((forest.feature < 0) | (forest.feature >= columns)).any():
        return f"a node asks for a column that {columns} columns do not have"
    own = np.arange(nodes[0])
    is_leaf = (forest.left == own) & (forest.right == own)
    goes_on = (forest.left > own) & (forest.right > own)
    if not (is_leaf | goes_on).all() or max(forest.left.max(), forest.right.max()) >= nodes[0]:
        return "a node leads back or outside"
    return ""
