"""Table 6.1: labels of others, and the gradient by the table's own numbers."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from applications.studies import setups
from generators import tiny

from tfinv.applications.studies import gradient


def test_a_random_label_is_any_but_the_own():
    many = dataclasses.replace(
        setups.pictures(True), indices=np.arange(4000), labels=np.full(4000, 2, np.int32)
    )
    other = gradient.other_labels(many, tiny.CLASSES, 0)
    counts = np.bincount(other, minlength=tiny.CLASSES)
    assert counts[2] == 0 and other.dtype == np.int32
    np.testing.assert_allclose(np.delete(counts, 2) / 1000, 1.0, atol=0.15)


def test_a_random_label_is_the_picture_s_own_whatever_its_batch():
    labelled = setups.pictures(True)
    whole = gradient.other_labels(labelled, tiny.CLASSES, 0)
    alone = [gradient.other_labels(labelled.rows(k, k + 1), tiny.CLASSES, 0)[0] for k in range(3)]
    np.testing.assert_array_equal(whole, alone)
    different = gradient.other_labels(labelled, tiny.CLASSES, 1)
    assert (different != labelled.labels).all()


def test_without_labels_there_is_no_random_one_and_it_is_said():
    setup = setups.setup()
    assert [arm.name for arm in gradient.arms(setup)] == ["base", "modified gradient"]
    done = {"base": {"rmse": np.array([0.3, 0.5, np.nan]), "evaluations": np.array([9, 9, 9])}}
    found = gradient.findings(setup, done)
    assert found.table.rows == [("base", pytest.approx(0.4), pytest.approx(0.1), 9.0)]
    assert found.notes == ("The random label is left out: the generator takes no labels.",)
    assert found.facts["base_over_modified"] is None
    done["modified gradient"] = {**done["base"], "rmse": np.array([0.1, 0.1, 0.1])}
    assert gradient.findings(setup, done).facts["base_over_modified"] == pytest.approx(4.0)


def test_the_arms_are_inverted_with_what_they_say():
    setup = setups.setup(True)
    arms = {arm.name: arm for arm in gradient.arms(setup)}
    assert list(arms) == ["base", "random label", "modified gradient"]
    seen = []

    def see(stage, state):
        seen.append(stage.solver)

    base = arms["base"].make()(setup.pictures, see)
    assert {solver.leak for solver in seen} == {0.0}
    seen.clear()
    arms["modified gradient"].make()(setup.pictures, see)
    assert {solver.leak for solver in seen} == {0.1}
    labels = gradient.other_labels(setup.pictures, tiny.CLASSES, 0)
    own = dataclasses.replace(setup, sets={"o": dataclasses.replace(setup.pictures, labels=labels)})
    random = arms["random label"].make()(setup.pictures, see)
    same = gradient.arms(own)[0].make()(own.pictures, see)
    np.testing.assert_array_equal(random["rmse"], same["rmse"])
    assert not np.array_equal(random["rmse"], base["rmse"])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
