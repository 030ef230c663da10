"""The arrays answer as scikit-learn does, and a file that holds anything else is refused."""

import pickle

import numpy as np
import pytest
from forest import ForestError, from_trees, load, save

COLUMNS = 4


@pytest.fixture(scope="module")
def grown():
    """scikit-learn's own forest, and the arrays of it."""
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(3)
    rows = random.normal(size=(400, COLUMNS))
    values = rows[:, 0] * rows[:, 1] + np.sin(3 * rows[:, 2]) + random.normal(scale=0.1, size=400)
    model = RandomForestRegressor(n_estimators=20, min_samples_leaf=3, random_state=3)
    model.fit(rows, values)
    return model, from_trees([one.tree_ for one in model.estimators_])


def test_it_answers_as_scikit_learn_does_after_saving_and_loading(grown, tmp_path):
    model, forest = grown
    save(forest, tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz", COLUMNS)
    rows = np.random.default_rng(4).normal(scale=2, size=(1_000, COLUMNS))
    # Thresholds themselves are the rows on which rounding would show.
    edges = np.repeat(forest.threshold[:500, None], COLUMNS, axis=1)
    for asked in (rows, edges, rows[:1], rows * 1e30):
        expected = model.predict(asked)
        assert np.allclose(loaded.predict(asked), expected, rtol=1e-12, atol=0)


def test_many_rows_are_answered_as_few_are(grown):
    _, forest = grown
    rows = np.random.default_rng(5).normal(size=(9_000, COLUMNS))
    whole = forest.predict(rows)
    assert np.array_equal(whole[4_090:4_100], forest.predict(rows[4_090:4_100]))
    assert forest.predict(np.empty((0, COLUMNS))).shape == (0,)


class Armed:
    """Says that it was unpickled."""

    def __reduce__(self):
        return pytest.fail, ("the file was unpickled",)


def test_what_is_pickled_is_refused_and_not_run(grown, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(pickle.dumps(Armed()))
    with pytest.raises(ForestError, match="not a stored forest"):
        load(path, COLUMNS)
    _, forest = grown
    arrays = vars(forest) | {"value": np.array([Armed()], dtype=object)}
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(ForestError, match="not a stored forest"):
        load(path, COLUMNS)


def changed(forest, **arrays):
    return {name: array.copy() for name, array in vars(forest).items()} | arrays


def circle(forest):
    left = forest.left.copy()
    left[left[0]] = 0  # back to the first root, from below it
    return changed(forest, left=left)


FAULTS = {
    "goes round": circle,
    "leads outside": lambda f: changed(f, left=np.where(f.left == f.left.max(), 10**8, f.left)),
    "begins outside": lambda f: changed(f, roots=f.roots + len(f.value)),
    "has no tree": lambda f: changed(f, roots=f.roots[:0]),
    "asks for a column too many": lambda f: changed(f, feature=f.feature + 1),
    "asks for a column before the first": lambda f: changed(f, feature=f.feature - 1),
    "is not of one length": lambda f: changed(f, value=f.value[1:]),
    "has no finite value": lambda f: changed(f, value=f.value * np.nan),
    "has nodes that are not whole": lambda f: changed(f, left=f.left.astype(float)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_forest_that_is_not_sound_is_refused(grown, tmp_path, fault):
    arrays = FAULTS[fault](grown[1])
    kinds = {name: array.dtype for name, array in vars(grown[1]).items()}
    if fault != "has nodes that are not whole":
        arrays = {name: array.astype(kinds[name]) for name, array in arrays.items()}
    np.savez(tmp_path / "model.npz", **arrays)
    with pytest.raises(ForestError, match="is not a sound forest: "):
        load(tmp_path / "model.npz", COLUMNS)


def test_a_file_that_is_torn_or_incomplete_is_refused(grown, tmp_path):
    path = tmp_path / "model.npz"
    save(grown[1], path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ForestError, match="not a stored forest"):
        load(path, COLUMNS)
    np.savez(path, feature=grown[1].feature)
    with pytest.raises(ForestError, match="not a stored forest"):
        load(path, COLUMNS)
