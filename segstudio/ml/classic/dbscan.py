"""Density clustering: M. Ester et al., "A Density-Based Algorithm for Discovering Clusters", 1996."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

NOISE = -1


def dbscan(points: npt.NDArray[np.floating], eps: float, min_points: int) -> npt.NDArray[np.int32]:
    """(n,) int32 cluster of each of (n, d) *points*, from 0, :data:`NOISE` = of none.

    A point with at least *min_points* (itself among them) within *eps* is a core point; core points within *eps* of
    each other share a cluster; any other joins the nearest core point within *eps*. Clusters are numbered by their
    first core point.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    labels = np.full(len(points), NOISE, np.int32)
    if not len(points):
        return labels
    near = cKDTree(points).query_ball_point(points, eps, return_length=True)
    core = np.flatnonzero(np.asarray(near) >= min_points)
    if not len(core):
        return labels
    tree = cKDTree(points[core])
    pairs = tree.query_pairs(eps, output_type="ndarray")
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(core), len(core)))
    _, clusters = connected_components(links, directed=False)
    _, first, places = np.unique(clusters, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int32)
    order[np.argsort(first)] = np.arange(len(first))
    labels[core] = order[places]
    others = np.flatnonzero(labels == NOISE)
    if len(others):
        away, nearest = tree.query(points[others], distance_upper_bound=np.nextafter(eps, np.inf))
        reached = np.isfinite(away)
        labels[others[reached]] = labels[core[nearest[reached]]]
    return labels
