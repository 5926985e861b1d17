"""Decision trees from a file, before scikit-learn's compiled code follows their node numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt


def check_tree(tree: Any, features: int) -> None:
    """Refuse a tree that would read outside of its own nodes or of an image's features.

    skops reads trees without looking at them, and scikit-learn follows what they say. Each node
    has to be a leaf, or to split by a feature that there is and have its children after it, so
    that no path leaves the tree or goes in a circle. Who loads a detector calls this for each of
    its trees, and compares by itself `n_features_in_`, `classes_` and the number of outputs.

    Args:
        tree: The `tree_` of a `sklearn.tree` estimator, or a `TreePredictor` of
            `HistGradientBoostingClassifier`, of which `_predictors` has a list for each iteration.
        features: How many features the estimator is given.

    Raises:
        ValueError: If it is damaged, or no tree.

    Example:
        ```python
        for each in forest.estimators_:
            check_tree(each.tree_, forest.n_features_in_)
        for iteration in boosting._predictors:
            for each in iteration:
                check_tree(each, boosting.n_features_in_)
        ```
    """
    if hasattr(tree, "nodes"):
        _check_predictor(tree, features)
    elif hasattr(tree, "children_left"):
        _check_fitted(tree, features)
    else:
        raise ValueError(f"a {type(tree).__name__} is no tree")


def _check_fitted(tree: Any, features: int) -> None:
    nodes = tree.node_count
    if not (1 <= nodes <= tree.capacity and tree.n_features == features):
        raise ValueError("a tree is damaged: its sizes do not fit")
    if len(tree.value) != nodes:
        raise ValueError("a tree is damaged: its sizes do not fit")
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    _check_nodes(leaf, (left, right), tree.feature, features)


def _check_predictor(tree: Any, features: int) -> None:
    nodes = tree.nodes
    if nodes.ndim != 1 or not len(nodes):
        raise ValueError("a tree is damaged: it has no nodes")
    leaf = nodes["is_leaf"].astype(bool)
    # Unsigned numbers below would wrap around where they are compared with negative ones.
    left, right = (nodes[side].astype(np.int64) for side in ("left", "right"))
    _check_nodes(leaf, (left, right), nodes["feature_idx"], features)
    categorical = ~leaf & nodes["is_categorical"].astype(bool)
    rows = {len(tree.binned_left_cat_bitsets), len(tree.raw_left_cat_bitsets)}
    if np.any(nodes["bitset_idx"][categorical] >= min(rows)):
        raise ValueError("a tree is damaged: a category is outside")


def _check_nodes(
    leaf: npt.NDArray[np.bool_],
    children: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    feature: npt.NDArray[np.int64],
    features: int,
) -> None:
    node = np.arange(len(leaf))
    first, last = np.minimum(*children), np.maximum(*children)
    forward = (first > node) & (last < len(leaf))
    known = (feature >= 0) & (feature < features)
    if not np.all(leaf | (forward & known)):
        raise ValueError("a tree is damaged: a node points outside")
