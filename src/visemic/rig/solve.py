"""Weights that make a rig look like given vertices: bounded least squares, and eyes by their rotation.

A model of meshes then speaks to everything that takes weights: every export, another head, contacts
in millimetres. The problem is convex, so its answer does not depend on where the search begins.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Float64

from visemic.core.clock import Rate
from visemic.core.errors import RigError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Motion
from visemic.rig.linear import Rig, add_correctives

_RIDGE = 1e-5
"""Pull towards rest, as a share of the strongest shape: settles what shapes could do in two ways."""
_SWEEPS = 400
_CHANGE = 1e-5
"""The search ends when no weight changes by more."""
_ROUNDS = 3
"""Times that correctives are taken out and the rest is solved again."""
_REGION_GAIN = 8.0
"""How much more a vertex of lips or lids counts than one of a cheek."""
_FINE = ("lips", "eyelids")


@dataclass(frozen=True, eq=False)
class WeightSolver:
    """Solves for the shapes of ``ARKIT_61`` that a rig has; other shapes stay at rest.

    The neck is taken to be at rest, as mesh corpora come.
    """

    rig: Rig

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Shapes that are solved for."""
        return tuple(name for name in self.rig.layout.names if name in ARKIT_61)

    @cached_property
    def _counts(self) -> Float32[np.ndarray, " vertices"]:
        counts = np.ones(self.rig.n_vertices, np.float32)
        for region in _FINE:
            if region in self.rig.regions:
                counts += _REGION_GAIN * self.rig.regions[region]
        if self.rig.eye_of_vertex is not None:
            counts[self.rig.eye_of_vertex >= 0] = 0
        return counts

    @cached_property
    def _weighted(self) -> Float32[np.ndarray, "channels coordinates"]:
        own = self.rig.offsets[self.rig.layout.indices(self.names)]
        return (own * self._counts[None, :, None]).reshape(len(own), -1).astype(np.float32)

    @cached_property
    def _gram(self) -> Float64[np.ndarray, "channels channels"]:
        own = self.rig.offsets[self.rig.layout.indices(self.names)].reshape(len(self.names), -1)
        gram = self._weighted.astype(np.float64) @ own.T.astype(np.float64)
        gram[np.diag_indices_from(gram)] += _RIDGE * gram.diagonal().max()
        return gram

    def solve(self, vertices: Float32[np.ndarray, "frames vertices 3"], rate: Rate) -> Motion:
        """Give weights from 0 to 1 and the rotations of the eyes.

        Args:
            vertices: Of this rig's mesh, metres, neck at rest. Memory is about twice theirs.
            rate: Frames a second.

        Raises:
            RigError: The mesh has another number of vertices.
        """
        if vertices.shape[1] != self.rig.n_vertices:
            raise RigError(
                f"the mesh has {vertices.shape[1]} vertices and head {self.rig.name!r} has "
                f"{self.rig.n_vertices}; give vertices of that head"
            )
        values = np.zeros((len(vertices), len(ARKIT_61)), np.float32)
        if not len(vertices):
            return Motion(values, ARKIT_61, rate)
        moved = vertices - self.rig.neutral
        columns = ARKIT_61.indices(self.names)
        weights = np.zeros((len(vertices), len(self.names)))
        for _ in range(_ROUNDS):
            weights = self._bounded(self._pulls(moved, weights), weights)
        values[:, columns] = weights
        for number, eye in enumerate(self.rig.eyes):
            yaw, pitch = self._eye_angles(vertices, number)
            values[:, ARKIT_61.index(eye.rotation_channels[0])] = yaw
            values[:, ARKIT_61.index(eye.rotation_channels[1])] = pitch
        return Motion(values, ARKIT_61, rate)

    def _pulls(
        self, moved: Float32[np.ndarray, "frames vertices 3"], weights: Float64[np.ndarray, "frames channels"]
    ) -> Float64[np.ndarray, "frames channels"]:
        """Give the products of what shapes shall explain with every shape."""
        rest = moved
        if self.rig.correctives and weights.any():
            whole = np.zeros((len(weights), len(self.rig.layout)))
            whole[:, self.rig.layout.indices(self.names)] = weights
            extra = np.zeros_like(moved)
            add_correctives(self.rig, whole, extra)
            rest = moved - extra
        return (rest.reshape(len(rest), -1) @ self._weighted.T).astype(np.float64)

    def _bounded(
        self,
        pulls: Float64[np.ndarray, "frames channels"],
        weights: Float64[np.ndarray, "frames channels"],
    ) -> Float64[np.ndarray, "frames channels"]:
        """Give the least squares within 0 and 1: one shape after another, all frames at once.

        Source:
            Franc, Hlaváč & Navara 2005, "Sequential Coordinate-wise Algorithm for the Non-negative
            Least Squares Problem" (CAIP), with an upper bound.
        """
        weights, gram = weights.copy(), self._gram
        for _ in range(_SWEEPS):
            before = weights.copy()
            for channel in range(len(gram)):
                rest = pulls[:, channel] - weights @ gram[channel]
                weights[:, channel] = np.clip(weights[:, channel] + rest / gram[channel, channel], 0, 1)
            if np.abs(weights - before).max(initial=0) < _CHANGE:
                break
        return weights

    def _eye_angles(
        self, vertices: Float32[np.ndarray, "frames vertices 3"], number: int
    ) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]:
        """Give yaw and pitch of the rotation that fits an eyeball best.

        Source:
            Kabsch 1976, "A solution for the best rotation to relate two sets of vectors".
        """
        owner = self.rig.eye_of_vertex
        mine = np.flatnonzero(owner == number) if owner is not None else np.zeros(0, np.int64)
        if not len(mine):
            return np.zeros(len(vertices)), np.zeros(len(vertices))
        pivot = np.asarray(self.rig.eyes[number].pivot_m)
        resting = self.rig.neutral[mine] - pivot
        # To metres squared of an eye: summed over hundreds of vertices it is far from rounding.
        spread = np.einsum("fvi,vj->fij", (vertices[:, mine] - pivot).astype(np.float64), resting)
        left, _, right = np.linalg.svd(spread)
        handed = np.ones((len(vertices), 3))
        handed[:, 2] = np.linalg.det(left @ right)
        turn = (left * handed[:, None]) @ right
        yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
        pitch = -np.arcsin(np.clip(turn[:, 1, 2], -1, 1))
        return yaw, pitch
