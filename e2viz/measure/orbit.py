"""Orbits: the closed path that an embedding takes while the picture turns once round, and the group's compass.

An invariant embedding is one point at the group's angles; one that knows nothing of the symmetry draws a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from e2viz.groups import Group


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """The plane that orbits are drawn on: the directions in which a set of embeddings spreads most.

    Attributes:
        centre: the set's mean.
        directions: orthonormal principal directions, the widest first; each has its largest entry positive, so
            that a picture does not flip from one run to the next.
        explained: share of the set's variance along each direction; all 0 if the set is one point.
        spread: root mean square distance of the set from its centre.
    """

    centre: Float[np.ndarray, " channel"]
    directions: Float[np.ndarray, "component channel"]
    explained: Float[np.ndarray, " component"]
    spread: float

    def project(self, embeddings: Float[np.ndarray, "point channel"]) -> Float[np.ndarray, "point component"]:
        """Coordinates on the plane."""
        return (embeddings.astype(np.float64) - self.centre) @ self.directions.T


@dataclass(frozen=True, kw_only=True, eq=False)
class Orbit:
    """One picture's orbit.

    Attributes:
        path: [frame + 1, component], closed: the last point is the first one again.
        plane: what it is drawn on.
        radius: root mean square distance of the embeddings from their mean, in all dimensions and not only on
            the plane.
        relative_radius: radius over the root mean square norm of the embeddings, 0 for an invariant.
        length: of the closed path in all dimensions.
        size: root mean square norm of the embeddings; 1 where they are all zero.
    """

    path: Float[np.ndarray, "point component"]
    plane: Plane
    radius: float
    relative_radius: float
    length: float
    size: float


def principal_plane(embeddings: Float[np.ndarray, "point channel"], components: int = 2) -> Plane:
    """Principal component analysis by a singular value decomposition in float64.

    Args:
        embeddings: an orbit, or a reference set of many pictures.
        components: how many directions; those beyond the set's dimension are zero.

    Raises:
        ValueError: if there are no embeddings or components, or values are not finite.
    """
    if not len(embeddings) or components < 1:
        raise ValueError(f"embeddings and components must be at least 1, got {len(embeddings)} and {components}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite")
    points = embeddings.astype(np.float64)
    centre = points.mean(axis=0)
    _, singular, rows = np.linalg.svd(points - centre, full_matrices=False)
    kept = min(components, len(singular))
    directions = np.zeros((components, points.shape[1]))
    directions[:kept] = rows[:kept]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    directions *= np.where(largest < 0, -1.0, 1.0)
    explained = np.zeros(components)
    total = float((singular**2).sum())
    if total > 0:
        explained[:kept] = singular[:kept] ** 2 / total
    return Plane(centre=centre, directions=directions, explained=explained, spread=float(np.sqrt(total / len(points))))


def orbit(embeddings: Float[np.ndarray, "frame channel"], plane: Plane | None = None, components: int = 2) -> Orbit:
    """The orbit of one picture's embeddings over a full turn.

    Args:
        embeddings: one for each angle, in order; the last is followed by the first.
        plane: of a reference set, so that models' or pictures' orbits are drawn on the same ground; by default
            that of the orbit itself.
        components: how many directions, if no plane is given.
    """
    ground = principal_plane(embeddings, components) if plane is None else plane
    points = embeddings.astype(np.float64)
    closed = np.concatenate([points, points[:1]])
    radius = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
    norm = float(np.sqrt((points**2).sum(axis=1).mean()))
    return Orbit(
        path=ground.project(closed),
        plane=ground,
        radius=radius,
        relative_radius=radius / norm if norm > 0 else 0.0,
        length=float(np.linalg.norm(np.diff(closed, axis=0), axis=1).sum()),
        size=norm if norm > 0 else 1.0,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Compass:
    """The group element that wins the last maximum over the group, which turns with the picture.

    Attributes:
        elements: [frame] the winner.
        angles_deg: [frame] the turn of the winner.
        mirrored: [frame] whether the winner is a reflection.
        margin: [frame] how far it is ahead of the second, in logits.
        classes: [frame] the class whose votes were compared.
    """

    elements: Int[np.ndarray, " frame"]
    angles_deg: Float[np.ndarray, " frame"]
    mirrored: np.ndarray
    margin: Float[np.ndarray, " frame"]
    classes: Int[np.ndarray, " frame"]


def compass(votes: Float[np.ndarray, "frame class group"], group: Group, of_class: int | None = None) -> Compass:
    """Read the compass from the votes whose maximum over the group makes the logits.

    Turning the picture by a group element multiplies the winner by it on the left.
    Source: docs/ge_vit.md, the rotMNIST network.

    Args:
        votes: logits before the maximum over the group.
        group: of the last axis.
        of_class: the class to follow; by default the predicted one, which may change from frame to frame.

    Raises:
        ValueError: if the last axis has another length than the group, or the group has one element.
    """
    if votes.shape[2] != group.order or group.order < 2:
        raise ValueError(f"votes must have {group.order} entries, at least 2, for {group.name}, got {votes.shape[2]}")
    frames = np.arange(len(votes))
    classes = votes.max(axis=2).argmax(axis=1) if of_class is None else np.full(len(votes), of_class)
    chosen = votes[frames, classes]
    elements = chosen.argmax(axis=1)
    ordered = np.sort(chosen, axis=1)
    return Compass(
        elements=elements,
        angles_deg=np.array([group.angle_deg(int(element)) for element in elements]),
        mirrored=np.array([group.is_reflection(int(element)) for element in elements]),
        margin=(ordered[:, -1] - ordered[:, -2]).astype(np.float64),
        classes=classes,
    )
